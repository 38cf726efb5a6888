"""Whether the monitor hears: the state of its microphone, and how long each state has lasted."""

from edge.log import log
from edge.runtime.passed import since_boot_s
from edge.status import HEALTHY, LOST, MICROPHONE_STATES, RECOVERING, STALLED, Status


class MicrophoneState:
    """The state of hearing, how long each has lasted, and how often it was lost and found again.

    Every change is told to the log and the status. The same reason is said once for each time that hearing was lost,
    however often opening the microphone fails for it.
    """

    def __init__(self, status: Status):
        self.state = None  # until the first block, or the first failure
        self.recoveries = 0
        self._status = status
        self._since_s = since_boot_s()
        self._lost_since_s = self._since_s
        self._attempts = 0
        self._seconds = dict.fromkeys(MICROPHONE_STATES, 0.0)
        self._reasons = set()  # for which it does not open, already told

    def receiving(self, source: str) -> None:
        """A block came, the first or the first again, from what a person calls `source`."""
        text = "hearing " + source
        if self.state not in (None, HEALTHY):
            self.recoveries += 1
            text += ", after {:.1f} s and {} attempt{}".format(
                since_boot_s() - self._lost_since_s, self._attempts, "" if self._attempts == 1 else "s"
            )
        self._reasons.clear()
        self._attempts = 0
        self._enter(HEALTHY, text, log.info)

    def stalled(self, reason: str) -> None:
        """No block came for too long, and nobody knows why."""
        self._enter(STALLED, reason, log.warning)

    def stream_ended(self, reason: str) -> None:
        """The source ended where it should not have, for that reason."""
        self._enter(RECOVERING, reason, log.warning)

    def opening(self) -> None:
        """The source is opened, for the first time or again."""
        self._attempts += 1
        if self.state in (HEALTHY, STALLED):
            self._enter(RECOVERING, "opening it again", log.info)

    def open_failed(self, reason: str) -> None:
        """The source did not open, or sent nothing."""
        if self.state != LOST or reason not in self._reasons:
            self._enter(LOST, reason, log.warning, "; trying again until it works")
        self._reasons.add(reason)

    def summary(self) -> str:
        """Seconds in each state, and how often hearing came back."""
        self._count()
        return "{}, {} recoveries".format(
            ", ".join("{} {:.1f} s".format(state, self._seconds[state]) for state in MICROPHONE_STATES),
            self.recoveries,
        )

    def _enter(self, state, detail, say, rest=""):
        self._count()
        if self.state in (None, HEALTHY):
            self._lost_since_s = self._since_s
        self.state = state
        say("%s: %s%s", state, detail, rest)
        self._status.enter(state, detail)

    def _count(self):
        now_s = since_boot_s()
        if self.state:
            self._seconds[self.state] += now_s - self._since_s
        self._since_s = now_s
