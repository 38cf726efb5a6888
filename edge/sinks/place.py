"""Where the local socket is, and listening there: passed by systemd, or made by the monitor itself."""

import errno
import os
import re
import socket
import stat
from typing import List, Optional, Tuple

from edge.errors import UserError
from edge.sinks.peers import peer_of

SERVICE_PATH = "/run/cry-monitor.socket"  # where systemd's unit makes it
LONGEST_PATH = 107  # bytes: unix(7)
FIRST_PASSED = 3  # sd_listen_fds(3)
PASSED_NAMES = re.compile(r"(cry-monitor(@.*)?\.socket)?$")  # of the unit; "" where systemd tells no names
BACKLOG = 64  # who connects at once: more than may read, so that they can be told so


def default_path(database: str) -> str:
    """Where a monitor with this database puts its socket by itself."""
    if os.environ.get("RUNTIME_DIRECTORY"):
        return os.path.join(os.environ["RUNTIME_DIRECTORY"].split(":")[0], "socket")
    if os.environ.get("XDG_RUNTIME_DIR"):
        return os.path.join(os.environ["XDG_RUNTIME_DIR"], "cry-monitor", "socket")
    return os.path.abspath(database) + ".socket"


def likely_paths(path: str, database: str) -> List[str]:
    """Where a reader looks: at `path` when it is configured, else the service's, then a monitor's started by hand."""
    return [path] if path else [SERVICE_PATH, default_path(database), os.path.abspath(database) + ".socket"]


def listen(path: str, named: str = "socket.path") -> socket.socket:
    """A socket that listens at `path`, for this user only. One that a dead process left there is replaced.

    named: the setting that names the path, for messages. Raises UserError: too long, taken by a living process, no
    socket, not to be written.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise UserError(
            "its path has {} bytes and may have {}: set {} to a shorter one than {}".format(
                len(os.fsencode(path)), LONGEST_PATH, named, path
            )
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.makedirs(os.path.dirname(path) or ".", 0o700, exist_ok=True)
        _remove_what_is_dead(path, named)
        before = os.umask(0o177)
        try:
            listening.bind(path)
        finally:
            os.umask(before)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UserError(
            "{} cannot be made ({}): set {} to where this user may write".format(path, error.strerror or error, named)
        ) from error
    except UserError:
        listening.close()
        raise
    return listening


def passed_by_systemd() -> Optional[socket.socket]:
    """The socket that systemd's unit has made, if it has passed one to this process."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    for number, name in zip(range(FIRST_PASSED, FIRST_PASSED + count), names + count * [""]):
        if PASSED_NAMES.match(name):
            os.set_inheritable(number, False)
            return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, number)
    return None


def identity(path: str) -> Optional[Tuple[int, int]]:
    """What tells the file at `path` from one that takes its place; None when there is none."""
    try:
        there = os.stat(path)
    except OSError:
        return None
    return there.st_dev, there.st_ino


def _remove_what_is_dead(path, named):
    """Remove a socket that nobody listens to. Raises UserError when somebody does, or when it is no socket."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise UserError("{} is there and is no socket: set {} to another place".format(path, named))
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
            owner = "process {}".format(peer_of(asking).pid)
        except BlockingIOError:  # alive, and busy
            owner = "another process"
        except OSError as error:
            if error.errno != errno.ECONNREFUSED:
                raise
            os.unlink(path)
            return
    raise UserError("{} is the socket of {}: stop it, or set {} to another place".format(path, owner, named))
