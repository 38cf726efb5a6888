"""Which monitors there are on this machine, and where their sockets are."""

import re
from typing import Dict

from edge.errors import UserError
from edge.sinks.client import find_socket
from edge.sinks.place import SERVICE_PATH
from edge.store import default_path

INSTANCE_PATH = "/run/cry-monitor-{}.socket"  # of cry-monitor@NAME
INSTANCE = re.compile(re.escape(INSTANCE_PATH).replace(re.escape("{}"), "([A-Za-z0-9_-]{1,64})") + "$")
SERVICE_DATABASE = "/var/lib/cry-monitor{}/events.db"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}$")  # of a source, in topics and identifiers


def sockets_of(settings) -> Dict[str, str]:
    """{source's name: path of its monitor's socket}. Raises UserError."""
    if not settings.bridge.sources:
        try:
            path = find_socket(settings.socket.path, settings.store.path or default_path())
        except UserError:
            path = settings.socket.path or SERVICE_PATH  # it may come later
        return {checked_name(settings.bridge.name): path}
    sockets = {}
    for entry in settings.bridge.sources.split(","):
        name, equals, path = (part.strip() for part in entry.partition("="))
        if equals and not path:
            raise UserError("bridge.sources: {!r} is neither NAME=SOCKET nor NAME".format(entry.strip()))
        if checked_name(name) in sockets:
            raise UserError("bridge.sources: {} is there twice: give each monitor a name of its own".format(name))
        sockets[name] = path or INSTANCE_PATH.format(name)
    return sockets


def databases_of(settings, sockets: Dict[str, str]) -> Dict[str, str]:
    """{source's name: its monitor's database}, where the configuration or the name of a service's socket says it."""
    if len(sockets) == 1 and settings.store.path:
        return dict.fromkeys(sockets, settings.store.path)
    databases = {}
    for name, path in sockets.items():
        instance = INSTANCE.match(path)
        if instance:
            databases[name] = SERVICE_DATABASE.format("-" + instance.group(1))
        elif path == SERVICE_PATH:
            databases[name] = SERVICE_DATABASE.format("")
    return databases


def checked_name(name: str) -> str:
    """A source's name. Raises UserError."""
    if not NAME.match(name):
        raise UserError("bridge.name is {!r}: use letters, digits, _ and -, at most 64".format(name))
    return name
