"""One stretch of audio: through the pipeline, to the database, to whoever wants to be told."""

import math
import time
from collections import deque
from typing import Optional

import numpy as np

from edge.audio import Source
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.learning.answers import AnswerLog
from edge.learning.learning import Learning
from edge.log import log
from edge.pipeline import Pipeline
from edge.records import Alert, Event, Frame
from edge.runtime.cry_time import CryTime
from edge.runtime.traces import TraceSum
from edge.sinks import Sink
from edge.store import Health, Minute
from edge.store.buffered_store import BufferedStore

MINUTE_S = 60.0
CHECKPOINT_S = 5.0  # of audio: no more of a long cry is lost with the power
CLOCK_SET_S = 2.0  # a clock that moved so much against the machine's own was set
MOST_SKIPS = 1000  # remembered to date what is still open: an hour of a board that is never quick enough


class Listener:
    """What the daemon does with a source, block by block, until it ends.

    With `origin_utc` the audio began at that time (seconds since 1970); without, it is live and dated by
    the clock as it arrives, so that a clock that is set at night misplaces no later event. The audio alone says how
    long an event lasted, what was skipped of it included: the times of records that are told and kept are those of
    the audio as it came.

    learning: what an episode was answered with is kept by it; None: nothing is.
    `say_of_model(title, text, is_over)` is called when a model answers no number, or again; None: that is in the log.
    The sink is told of an Event when the database has it, if the disk can be written at all: whoever is told finds it
    there.
    """

    def __init__(
        self,
        bundle,
        settings,
        keeper: BufferedStore,
        source: Source,
        sink: Sink,
        origin_utc: Optional[float] = None,
        say_of_model=None,
        learning: Optional[Learning] = None,
    ):
        self._learning, self._answers = learning, AnswerLog()
        answered = self._answers.add if learning else None
        self.pipeline = Pipeline(bundle, settings, say_of_model, answered, self.utc)
        self.heard_samples = 0
        self.events = 0
        self._keeper = keeper
        self._source = source
        self._sink = sink
        self._origin_utc = origin_utc
        self._heard_until_utc = time.time()
        self._cry_time = CryTime(keeper)
        self._next_checkpoint_s = CHECKPOINT_S
        self._lost_s = 0.0  # on the way here, as the clock tells
        self._silent_s = 0.0  # in which there was nothing to listen to, before this began
        self._skips = deque([(0.0, self._skipped_s())], MOST_SKIPS)  # (second that was heard, skipped until there)
        self._skipped_before_s = self._skipped_s()
        self._clock_offset_s = _clock_offset_s()
        self._minute = _MinuteSum(self)
        self._trace = TraceSum(keeper.add_trace)

    @property
    def heard_s(self) -> float:
        """Seconds of audio taken so far."""
        return self.heard_samples / SAMPLE_RATE

    @property
    def processed_frames(self) -> int:
        """Whole hops of 0.2 s that went through the pipeline."""
        return self.heard_samples // FRAME_HOP

    @property
    def skipped_s(self) -> float:
        """Seconds that passed and were not heard: skipped or lost while this listened, or before it began."""
        return self._skipped_s() - self._skipped_before_s + self._silent_s

    @property
    def missed_deadlines(self) -> int:
        """Frames that took too long."""
        return self.pipeline.timings.missed_deadlines

    def note_lost(self, seconds: float) -> None:
        """So much sound was lost right before the next block."""
        self._lost_s += seconds

    def note_silent(self, seconds: float) -> None:
        """So long there was nothing to listen to, before the first block."""
        self._silent_s += seconds

    def push(self, block: np.ndarray) -> None:
        """Take 1-D float32 samples at 16 kHz."""
        if self._skipped_s() > self._skips[-1][1]:
            self._skips.append((self.heard_s, self._skipped_s()))
        self.heard_samples += len(block)
        self._heard_until_utc = time.time() - self._source.waited_s
        self._take(self.pipeline.push(block))
        if self.heard_s >= self._next_checkpoint_s:
            self._checkpoint()
        if self.heard_s - self._minute.start_s >= MINUTE_S:
            self._end_minute()

    def finish(self) -> None:
        """End an open episode, and write it and what there is of the minute."""
        self._take(self.pipeline.finish())
        self._trace.finish()
        if self.heard_s > self._minute.start_s or self.dropped_samples() > self._minute.dropped_before:
            self._end_minute()

    def utc(self, t_s: float) -> float:
        """When second `t_s` of what was heard was, in seconds since 1970."""
        if self._origin_utc is not None:
            return self._origin_utc + t_s
        return self._heard_until_utc - (self._came_at_s(self.heard_s) - self._came_at_s(t_s))

    def dropped_samples(self) -> int:
        """16-kHz samples that passed and were not heard so far."""
        return int(round(SAMPLE_RATE * (self._skipped_s() + self._silent_s)))

    def _take(self, records):
        for record in records:
            if isinstance(record, Frame):
                at_utc = self.utc(record.t_s)
                self._minute.add(record)
                self._trace.add(record.cry_probability, self._came_at_s(record.t_s), at_utc)
                self._sink.frame(record, at_utc)
            elif isinstance(record, Alert):
                self._next_checkpoint_s = self.heard_s
                self._sink.alert(record._replace(t_s=self._came_at_s(record.t_s)), self.utc(record.t_s))
            elif isinstance(record, Event):
                self._keep(record)

    def _keep(self, event):
        start_utc = self.utc(event.start_s)
        answers = self._answers.between(event.start_s, event.end_s)
        event = self._as_it_came(event)
        self.events += 1
        self._keeper.add_event(event, start_utc, self._source.name)
        if self._learning:
            self._learning.keep(answers, start_utc, start_utc + event.end_s - event.start_s)
        self._cry_time.add_event(event)
        self._sink.event(event, start_utc)

    def _checkpoint(self):
        event = self.pipeline.open_event()
        if event:
            self._keeper.checkpoint(self._as_it_came(event), self.utc(event.start_s), self._source.name)
        self._keeper.retry()
        self._next_checkpoint_s = self.heard_s + CHECKPOINT_S

    def _skipped_s(self):
        return self._source.dropped_samples / SAMPLE_RATE + self._lost_s

    def _came_at_s(self, t_s):
        """Second `t_s` of what was heard, counted in the audio as it came: with what was skipped before."""
        skipped_s = next((skipped_s for at_s, skipped_s in reversed(self._skips) if at_s < t_s), self._skips[0][1])
        return t_s + skipped_s - self._skipped_before_s

    def _as_it_came(self, event):
        return event._replace(start_s=self._came_at_s(event.start_s), end_s=self._came_at_s(event.end_s))

    def _end_minute(self):
        event = self.pipeline.open_event()
        event = self._as_it_came(event) if event else None
        begin_s, end_s = self._came_at_s(self._minute.start_s), self._came_at_s(self.heard_s)
        minute = self._minute.minute(self._cry_time.cry_s(begin_s, end_s, event))
        log.info(
            "%d frames, level %s dBFS, %.1f s of crying, %d missed deadlines, %d samples lost",
            minute.frames,
            _levels(minute),
            minute.cry_s,
            minute.missed_deadlines,
            minute.dropped_samples,
        )
        self._note_clock()
        kept = self._keeper.add_minute(minute)
        if self._learning:
            self._learning.look()
        self._cry_time.add_minute(begin_s, end_s, kept, minute.cry_s, event)
        self._minute = _MinuteSum(self)

    def _note_clock(self):
        """Say when the clock was set: rows before and after do not fit together then."""
        offset_s = _clock_offset_s()
        moved_s = offset_s - self._clock_offset_s
        if self._origin_utc is None and abs(moved_s) > CLOCK_SET_S:
            text = "by {:+.0f} s".format(moved_s)
            log.warning("the clock was set %s", text)
            self._keeper.add_health(Health(time.time(), "clock_set", text))
        self._clock_offset_s = offset_s


def _clock_offset_s():
    return time.time() - time.monotonic()


class _MinuteSum:
    """A minute while it lasts: sums over its frames, and where the listener's counters stood before."""

    def __init__(self, listener):
        self._listener = listener
        self._missed_before = listener.missed_deadlines
        self.dropped_before = listener.dropped_samples()
        self.start_s = listener.heard_s
        self._frames = 0
        self._power = 0.0
        self._max_dbfs = -math.inf

    def add(self, frame):
        self._frames += 1
        self._power += 10 ** (frame.level_dbfs / 10)
        self._max_dbfs = max(frame.level_dbfs, self._max_dbfs)

    def minute(self, cry_s):
        listener = self._listener
        return Minute(
            start_utc=listener.utc(self.start_s),
            duration_s=listener.heard_s - self.start_s,
            cry_s=cry_s,
            mean_dbfs=10 * math.log10(self._power / self._frames) if self._frames else None,
            max_dbfs=self._max_dbfs if self._frames else None,
            frames=self._frames,
            missed_deadlines=listener.missed_deadlines - self._missed_before,
            dropped_samples=listener.dropped_samples() - self.dropped_before,
        )


def _levels(minute):
    if minute.mean_dbfs is None:
        return "unknown"
    return "{:.0f} mean {:.0f} max".format(minute.mean_dbfs, minute.max_dbfs)
