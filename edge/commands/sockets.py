"""The monitors of a configuration, asked one after the other."""

from typing import Iterator, Optional, Tuple

from edge.config import load_settings
from edge.errors import UserError
from edge.following.sources import sockets_of
from edge.sinks.client import Client


def every_socket(config: Optional[str]) -> Iterator[Tuple[str, Client]]:
    """Yield (source's name, connection). Raises UserError when one does not answer."""
    for name, path in sockets_of(load_settings(config)).items():
        with Client(path) as client:
            yield name, client


def one_socket(settings, source: Optional[str]) -> Tuple[str, str, bool]:
    """(its name, its socket, whether it is the only one) of the monitor that is meant. Raises UserError."""
    sockets = sockets_of(settings)
    if source is None and len(sockets) > 1:
        raise UserError("there are several monitors: give --source, one of {}".format(", ".join(sockets)))
    source = source or next(iter(sockets))
    if source not in sockets:
        raise UserError("--source {} is no monitor: give one of {}".format(source, ", ".join(sockets)))
    return source, sockets[source], len(sockets) == 1
