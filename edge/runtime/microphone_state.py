"""Whether the monitor hears: its state, told to the log, the database and systemd whenever it changes."""

import time
from typing import Callable

from edge.log import log
from edge.runtime.systemd import notify

HEALTHY = "healthy"  # blocks come
STALLED = "stalled"  # they came, and come no more
RECOVERING = "recovering"  # the microphone is being opened again
LOST = "lost"  # that has failed; it is tried again until it works
STATES = (HEALTHY, STALLED, RECOVERING, LOST)


class MicrophoneState:
    """The state of hearing, how long each has lasted, and how often it was lost and found again.

    `keep(state, detail)` writes a row of health. The same reason is said once for each time that hearing was
    lost, however often opening the microphone fails for it.
    """

    def __init__(self, keep: Callable[[str, str], None]):
        self.state = None  # until the first block, or the first failure
        self.recoveries = 0
        self._keep = keep
        self._since_s = time.monotonic()
        self._lost_since_s = self._since_s
        self._attempts = 0
        self._seconds = dict.fromkeys(STATES, 0.0)
        self._said = set()

    def heard(self, source: str) -> None:
        """The first block came, from what a person calls `source`."""
        text = "hearing " + source
        if self.state not in (None, HEALTHY):
            self.recoveries += 1
            text += ", after {:.1f} s and {} attempt{}".format(
                time.monotonic() - self._lost_since_s, self._attempts, "" if self._attempts == 1 else "s"
            )
        self._said.clear()
        self._attempts = 0
        self._enter(HEALTHY, text, log.info)

    def fell_silent(self, reason: str) -> None:
        """No block came for too long, and nobody knows why."""
        self._enter(STALLED, reason, log.warning)

    def broke_off(self, reason: str) -> None:
        """The source ended where it should not have, for that reason."""
        self._enter(RECOVERING, reason, log.warning)

    def tries(self) -> None:
        """The source is opened, for the first time or again."""
        self._attempts += 1
        if self.state in (HEALTHY, STALLED):
            self._enter(RECOVERING, "opening the microphone again", log.info)

    def failed(self, reason: str) -> None:
        """The source did not open, or sent nothing."""
        if self.state != LOST or reason not in self._said:
            self._enter(LOST, reason, log.warning, "; trying again until it works")
        self._said.add(reason)

    def notice(self, what: str, detail: str) -> None:
        """Something is wrong with what is heard, which goes on."""
        log.warning("%s: %s", what, detail)
        self._keep(what, detail)
        notify("STATUS={}, but {}: {}".format(self.state, what, detail))

    def summary(self) -> str:
        """Seconds in each state, and how often hearing came back."""
        self._count()
        return "{}, {} recoveries".format(
            ", ".join("{} {:.1f} s".format(state, self._seconds[state]) for state in STATES), self.recoveries
        )

    def _enter(self, state, detail, say, rest=""):
        self._count()
        if self.state in (None, HEALTHY):
            self._lost_since_s = self._since_s
        self.state = state
        say("%s: %s%s", state, detail, rest)
        self._keep(state, detail)
        notify("STATUS={}: {}".format(state, detail))

    def _count(self):
        now_s = time.monotonic()
        if self.state:
            self._seconds[self.state] += now_s - self._since_s
        self._since_s = now_s
