"""Starting and killing the capture process."""

import os
import subprocess
import sys
from typing import Iterator, Tuple

from edge.capture.messages import read_messages
from edge.errors import UserError

KILL_S = 1.0  # a killed process is gone long before, unless a driver holds it in the kernel

_EDGE_S_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_unkillable = []  # children that a driver holds in the kernel


class CaptureStuck(UserError):
    """The last process that read a microphone cannot be ended, so no other is started."""


class CaptureProcess:
    """A child that records the microphone of that name (empty: the default) until it is closed.

    It ends with this process, however this one ends, and holds nothing but one end of a pipe. Raises
    CaptureStuck when an earlier one is still there.
    """

    def __init__(self, name: str):
        _unkillable[:] = [child for child in _unkillable if child.poll() is None]
        if _unkillable:
            raise CaptureStuck(
                "the process {} that read the microphone cannot be ended, a driver holds it: unplug "
                "the microphone, or restart the machine".format(_unkillable[0].pid)
            )
        read_end, write_end = os.pipe()
        try:
            path = os.pathsep.join(filter(None, [_EDGE_S_PARENT, os.environ.get("PYTHONPATH")]))
            self._child = subprocess.Popen(
                [sys.executable, "-m", "edge.capture", name, str(write_end), str(os.getpid())],
                env=dict(os.environ, PYTHONPATH=path),
                cwd="/",
                pass_fds=[write_end],
                # What ALSA prints about devices nobody asked for would fill the journal at every attempt.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._pipe = os.fdopen(read_end, "rb")

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def messages(self) -> Iterator[Tuple[bytes, bytes]]:
        """Yield (kind, payload) until the child ends."""
        return read_messages(self._pipe)

    def kill(self) -> None:
        """End the child at once, so that messages() ends. Never waits for long."""
        self._child.kill()
        try:
            self._child.wait(KILL_S)
        except subprocess.TimeoutExpired:
            _unkillable.append(self._child)

    def close_pipe(self) -> None:
        """Give the pipe back; when nobody is inside messages() any more."""
        self._pipe.close()
