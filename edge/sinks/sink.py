"""What every sink looks like."""

from typing import Any, Dict, List

from edge.records import Alert, Event, Frame


class Sink:
    """Told of all that is heard, by the listening thread, between two frames: nothing here may wait.

    dropped: what it could not tell, so far. trouble: why it cannot tell anything now; empty when it can.
    """

    name = "nobody"
    dropped = 0
    trouble = ""

    def alert(self, alert: Alert, at_utc: float) -> None:
        """An episode has opened; `at_utc` in seconds since 1970."""

    def event(self, event: Event, start_utc: float) -> None:
        """An episode is over, and written if the disk can be."""

    def frame(self, frame: Frame, at_utc: float) -> None:
        """A frame was analysed, five times a second."""

    def status(self, snapshot: Dict[str, Any]) -> None:
        """What the monitor says of itself has changed (edge.status.Status.snapshot)."""

    def news(self) -> List[str]:
        """What should be said of this sink, each once: readers that were turned away, for example."""
        return []

    def close(self) -> None:
        """Tell what can still be told, within a second."""
