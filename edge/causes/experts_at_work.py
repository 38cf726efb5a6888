"""The bundle's experts, at work while an episode is open.

An episode is dated back to where the cry began, and its samples from there on are worked off from RAM: two hops' worth
with every hop, so that the backlog of the first seconds is gone soon and no frame takes long. Features and states
begin anew with every episode, so what is said of it is the same as if its samples came alone, whatever came before.
(With a merge_gap_s below 1.6 s an episode may be over before its backlog is: then what has been read by then counts.)
"""

from time import perf_counter

from edge.causes.pooled import PooledReadings
from edge.causes.recent import RecentSamples
from edge.causes.verdict import Verdict
from edge.dsp.fused import CLIP_LENGTH, HOP_LENGTH, WINDOW_LENGTH, FusedStream
from edge.dsp.log_mel import FRAME_HOP, SAMPLE_RATE
from edge.records import Alert, Event

PRE_ROLL = CLIP_LENGTH + FRAME_HOP  # samples from before an opening that are looked at, at most: 3.71 s
WORK_PER_HOP = 2 * FRAME_HOP  # samples
KEPT_HOPS = -(-PRE_ROLL // FRAME_HOP) + 1  # the work begins with the hop after the opening


class ExpertsAtWork(object):
    """Follows the stream hop by hop; gives every event its cause."""

    def __init__(self, experts, settings, timed):
        """experts, settings: `experts` and `fusion` of an edge.bundle.Bundle. timed: (stage, when it began) -> now."""
        self._experts = experts
        self._verdict = Verdict(experts, settings)
        self._timed = timed
        self._recent = RecentSamples(KEPT_HOPS, FRAME_HOP)
        self._streams = {expert.band_hz: FusedStream(expert.band_hz) for expert in experts}
        self._pools = {expert.name: PooledReadings(expert.temperature) for expert in experts}
        self._begin = self._next = None  # samples of the stream: where the episode began, what is worked on next

    def hear(self, samples):
        """Take the next FRAME_HOP samples, float32 at 16 kHz."""
        self._recent.push(samples)

    def follow(self, records, episodes):
        """Do this hop's work, take notice of what the episodes did; return their records, events with their cause.

        episodes: edge.decision.episodes.EpisodeTracker, whose update() gave the records.
        """
        if self._begin is not None:
            self._work()
        records = [self._explained(record) for record in records]
        if any(isinstance(record, Alert) for record in records):
            self._open(episodes.start_s)
        if not episodes.is_open:
            self._begin = None
        elif self._begin is not None:
            self._settle(episodes.end_s)
        return records

    def finish(self, records):
        """The source has ended: work off what is left; return the records, events with their cause."""
        while records and self._begin is not None and self._next < self._recent.n_samples:
            self._work()
        return [self._explained(record) for record in records]

    def _open(self, start_s):
        self._begin = self._next = max(int(round(start_s * SAMPLE_RATE)), self._recent.n_samples - PRE_ROLL)
        for stream in self._streams.values():
            stream.reset()
        for expert in self._experts:
            expert.reset()
            self._pools[expert.name].reset()

    def _work(self):
        """At most WORK_PER_HOP samples, through features and experts."""
        started = perf_counter()
        end = min(self._recent.n_samples, self._next + WORK_PER_HOP)
        samples = self._recent.between(self._next, end)
        self._next = end
        columns = {band_hz: stream.push(samples) for band_hz, stream in self._streams.items()}
        started = self._timed("fused", started)
        for expert in self._experts:
            for logits in expert.push(columns[expert.band_hz]):
                is_full = expert.n_encoded >= expert.window_columns
                self._pools[expert.name].add(self._end_s(expert.n_encoded), is_full, logits)
            started = self._timed("expert " + expert.name, started)

    def _end_s(self, n_columns):
        """Where the first n_columns of the episode end, in seconds of audio."""
        return (self._begin + WINDOW_LENGTH + (n_columns - 1) * HOP_LENGTH) / float(SAMPLE_RATE)

    def _settle(self, end_s):
        for pool in self._pools.values():
            pool.settle(end_s)

    def _explained(self, record):
        if not isinstance(record, Event):
            return record
        started = perf_counter()
        self._settle(record.end_s)
        answers = {name: pool.answer() for name, pool in self._pools.items()}
        event = self._verdict.explained(record, answers)
        self._timed("fusion", started)
        return event
