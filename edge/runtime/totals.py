"""What a run has heard, for its last line."""

from edge.audio import Source
from edge.runtime.listener import Listener


class Totals:
    """Sums over sources and listeners that have ended.

    Every 0.2-s frame that a microphone sent was processed or counted as skipped: frames_in =
    frames_processed + frames_skipped.
    """

    def __init__(self):
        self.heard_s = 0.0
        self.frames_in = 0
        self.frames_processed = 0
        self.frames_skipped = 0
        self._events = 0
        self._missed_deadlines = 0
        self._overflows = 0
        self._processed_of_source = 0

    def add_listener(self, listener: Listener) -> None:
        """Add what a listener did with a source, or with the part of it that came under one configuration."""
        self.heard_s += listener.heard_s
        self.frames_processed += listener.processed_frames
        self._processed_of_source += listener.processed_frames
        self._events += listener.events
        self._missed_deadlines += listener.pipeline.timings.missed_deadlines

    def add_source(self, source: Source) -> None:
        """Add what a closed source sent, after its listeners."""
        arrived = source.arrived_frames
        self.frames_in += self._processed_of_source if arrived is None else arrived
        self.frames_skipped += source.skipped_frames
        self._overflows += source.overflows
        self._processed_of_source = 0

    def summary(self) -> str:
        """For a person."""
        return (
            "heard {:.1f} s, {} events, {} missed deadlines, {} overflows of the sound system; "
            "frames: {} in, {} processed, {} skipped".format(
                self.heard_s,
                self._events,
                self._missed_deadlines,
                self._overflows,
                self.frames_in,
                self.frames_processed,
                self.frames_skipped,
            )
        )
