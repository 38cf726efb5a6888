"""The monitors of a configuration, asked one after the other."""

from typing import Iterator, Optional, Tuple

from edge.config import load_settings
from edge.following.sources import sockets_of
from edge.sinks.client import Client


def every_socket(config: Optional[str]) -> Iterator[Tuple[str, Client]]:
    """Yield (source's name, connection). Raises UserError when one does not answer."""
    for name, path in sockets_of(load_settings(config)).items():
        with Client(path) as client:
            yield name, client
