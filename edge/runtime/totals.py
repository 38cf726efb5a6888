"""What a run has heard, for its last line."""

from typing import Any, Dict, Optional

from edge.audio import Source
from edge.runtime.listener import Listener


class Totals:
    """Sums over sources and listeners that have ended.

    Every 0.2-s frame that a microphone sent was processed or counted as skipped: frames_in =
    frames_processed + frames_skipped.
    """

    def __init__(self):
        self.heard_s = 0.0
        self.skipped_s = 0.0  # that passed and were not heard: with no microphone, asleep, lost on the way, no time for
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
        self.skipped_s += listener.skipped_s
        self.frames_processed += listener.processed_frames
        self._processed_of_source += listener.processed_frames
        self._events += listener.events
        self._missed_deadlines += listener.missed_deadlines

    def add_source(self, source: Source) -> None:
        """Add what a closed source sent, after its listeners."""
        arrived = source.arrived_frames
        self.frames_in += self._processed_of_source if arrived is None else arrived
        self.frames_skipped += source.skipped_frames
        self._overflows += source.overflows
        self._processed_of_source = 0

    def figures(self, listener: Optional[Listener]) -> Dict[str, Any]:
        """What has been counted until now, with what is not added yet, for a program."""
        more = listener is not None
        return {
            "heard_s": round(self.heard_s + (listener.heard_s if more else 0.0), 3),
            "skipped_s": round(self.skipped_s + (listener.skipped_s if more else 0.0), 3),
            "frames": self.frames_processed + (listener.processed_frames if more else 0),
            "events": self._events + (listener.events if more else 0),
            "missed_deadlines": self._missed_deadlines + (listener.missed_deadlines if more else 0),
        }

    def summary(self, passed_s: Optional[float] = None) -> str:
        """For a person. passed_s: since the monitor was ready, by the clock; None for audio without its own time."""
        return (
            "heard {:.1f} s, {} events, {} missed deadlines, {} overflows of the sound system; "
            "passed {:.1f} s, skipped {:.1f} s; frames: {} in, {} processed, {} skipped".format(
                self.heard_s,
                self._events,
                self._missed_deadlines,
                self._overflows,
                self.heard_s + self.skipped_s if passed_s is None else passed_s,
                self.skipped_s,
                self.frames_in,
                self.frames_processed,
                self.frames_skipped,
            )
        )
