"""SIGTERM, SIGINT and SIGHUP: they interrupt a wait, never the work on a block."""

import signal
from contextlib import contextmanager


class Stop(Exception):
    """SIGTERM or SIGINT arrived while nothing was being processed."""


class Signals:
    """stopping: one of the two has come. hung_up: SIGHUP has; acted on between two blocks, or two attempts to open."""

    def __init__(self):
        self.stopping = False
        self.hung_up = False
        self.source = None  # the edge.audio.Source that is waited for; it may be able to stop by itself
        self._interruptible = False

        signal.signal(signal.SIGHUP, self._hang_up)

    def hear_stop(self) -> None:
        """SIGTERM and SIGINT are ours from now on; until then they end the process at once."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    @contextmanager
    def interruptible(self):
        """A wait within ends by Stop when a signal comes."""
        self._interruptible = True
        try:
            if self.stopping:
                raise Stop()
            yield
        finally:
            self._interruptible = False

    def _stop(self, _number, _frame):
        self.stopping = True
        if self.source is not None and self.source.stop():
            return
        if self._interruptible:
            self._interruptible = False
            raise Stop()

    def _hang_up(self, _number, _frame):
        self.hung_up = True
