"""One monitor writes a database: a lock beside it, which the system takes back from whoever ends, however it ends."""

import fcntl
import os

from edge.store.failures import HeldByAnother

SUFFIX = ".lock"


class MonitorLock:
    """Held from the start of a monitor to its end.

    Raises HeldByAnother, which names the process, when another monitor holds it. Where no lock can be had (a full or
    read-only disk, a file system without locks) nothing is held: hearing comes first.
    """

    def __init__(self, database: str):
        path = os.path.realpath(database) + SUFFIX
        self._handle = None
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError:
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            os.close(handle)
            raise HeldByAnother(
                "{} is being written by another cry-monitor ({}): stop that one, or give another --db FILE".format(
                    database, holder
                )
            ) from None
        except OSError:
            os.close(handle)
            return
        self._handle = handle
        try:
            os.ftruncate(handle, 0)
            os.pwrite(handle, "{}\n".format(os.getpid()).encode("ascii"), 0)
        except OSError:  # a full disk: it is held, and cannot be named
            pass

    @property
    def is_held(self) -> bool:
        """Whether another monitor is kept out."""
        return self._handle is not None

    def release(self) -> None:
        """Let another monitor write."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _holder(handle):
    try:
        text = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    except OSError:
        text = ""
    return "process {}".format(int(text)) if text.isdigit() else "a process that cannot be named"
