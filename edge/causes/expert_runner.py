"""The bundle's experts, at work while an episode is open.

An episode is dated back to where the cry began, and its samples from there on are worked off from RAM: two hops' worth
with every hop, so that the backlog of the first seconds is gone soon and no frame takes long. Features and states
begin anew with every episode, so what is said of it is the same as if its samples came alone, whatever came before.
(With a merge_gap_s below 1.6 s an episode may be over before its backlog is: then what has been read by then counts.)
"""

from time import perf_counter

from edge.bundle.model import EXPERT, FUSED, LOG_MEL
from edge.causes.episode_pooling import PooledReadings
from edge.causes.frame_experts import FrameExperts
from edge.causes.fused_experts import FusedExperts
from edge.causes.verdict import Verdict
from edge.decision.left_out import is_answer
from edge.dsp.fused import CLIP_LENGTH
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.records import Alert, Event

PRE_ROLL = CLIP_LENGTH + FRAME_HOP  # samples from before an opening that are looked at, at most: 3.71 s
WORK_PER_HOP = 2 * FRAME_HOP  # samples
KEPT_HOPS = -(-PRE_ROLL // FRAME_HOP) + 1  # the work begins with the hop after the opening


class ExpertRunner(object):
    """Follows the stream hop by hop; gives every event its cause."""

    def __init__(self, bundle, recent, timed, left_out):
        """bundle: edge.bundle.Bundle with experts. recent: RecentSamples, KEPT_HOPS of FRAME_HOP samples.

        timed: (stage, when it began) -> now. left_out: edge.decision.left_out.LeftOut.
        """
        self._left_out = left_out
        self._silenced = set()  # names of experts that are not asked any more
        self._verdict = Verdict(bundle.experts, bundle.fusion)
        self._timed = timed
        self._recent = recent
        self._kinds = kinds(bundle, timed, self._silence)
        self._pools = {expert.name: PooledReadings(expert.temperature) for expert in bundle.experts}
        self._begin = self._next = None  # samples of the stream: where the episode began, what is worked on next

    def follow(self, records, episodes, rest=False):
        """Do this hop's work, take notice of what the episodes did; return their records, events with their cause.

        rest: leave this hop's work to the next one, as another model was asked in this hop.
        episodes: edge.decision.episodes.EpisodeTracker, whose update() gave the records.
        """
        if self._begin is not None and not rest:
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
        for each in self._kinds + list(self._pools.values()):
            each.reset()

    def _work(self):
        """At most WORK_PER_HOP samples, through features and experts."""
        end = min(self._recent.n_samples, self._next + WORK_PER_HOP)
        samples = self._recent.between(self._next, end)
        self._next = end
        for kind in self._kinds:
            for name, n_samples, is_full, logits in kind.take(samples):
                if not is_answer(logits):
                    self._silence(EXPERT + " " + name, [name])
                elif name not in self._silenced:
                    self._pools[name].add((self._begin + n_samples) / float(SAMPLE_RATE), is_full, logits)

    def _silence(self, title, names):
        """A model answers no number: ask the experts `names` no more, and make no cause of what they said."""
        self._left_out.add(title, "causes are named without {} until the next start".format(", ".join(names)))
        self._silenced.update(names)
        for kind in self._kinds:
            kind.silence(names)

    def _settle(self, end_s):
        for pool in self._pools.values():
            pool.settle(end_s)

    def _explained(self, record):
        if not isinstance(record, Event):
            return record
        started = perf_counter()
        self._settle(record.end_s)
        answers = {name: None if name in self._silenced else pool.answer() for name, pool in self._pools.items()}
        event = self._verdict.explained(record, answers)
        self._timed("fusion", started)
        return event


def kinds(bundle, timed, silence):
    """The experts of a bundle by what they look at: [FusedExperts, FrameExperts], or the one that there are.

    silence: (title, names) of a model that answers no number, and the experts behind it.
    """
    of = {feature: [expert for expert in bundle.experts if expert.feature == feature] for feature in (FUSED, LOG_MEL)}
    found = [FusedExperts(of[FUSED], timed)] if of[FUSED] else []
    if of[LOG_MEL]:
        found.append(FrameExperts(of[LOG_MEL], bundle.denoiser, WORK_PER_HOP, timed, silence))
    return found
