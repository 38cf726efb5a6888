"""What each event of a stream is like: the mean direction of its seconds, while it is loud."""

from edge.bundle.model import EMBEDDING
from edge.decision.left_out import is_answer
from edge.frames import FRAME_HOPS
from edge.records import Alert, Event


class CryEmbedding(object):
    """Follows the stream hop by hop; gives every event its score where somebody is enrolled."""

    def __init__(self, infant, timed, left_out, utc=None):
        """infant: edge.infant.own_infant.OwnInfant. timed: (stage, when it began) -> now.

        left_out: edge.decision.left_out.LeftOut. utc(t_s) -> when that second of the stream was, for events that wait
        to be enrolled from; None: none do.
        """
        self._infant = infant
        self._timed = timed
        self._left_out = left_out
        self._utc = utc
        self._is_silenced = False
        self._begin()

    def follow(self, records, episodes, frame, started, rest=False):
        """Take notice of what the episodes did, and look at the newest second if it is loud; return their records.

        frame: (98, 64) float32 ln-mel. started: when this began. rest: leave it to the next hop.
        """
        records = self.finish(records)
        if any(isinstance(record, Alert) for record in records):
            self._begin()
        self._hops_to_next = max(0, self._hops_to_next - 1)
        if episodes.is_loud and not (self._hops_to_next or rest or self._is_silenced):
            self._look(frame)
            self._timed(EMBEDDING, started)
        return records

    def finish(self, records):
        """The records, events with their score."""
        return [self._scored(record) if isinstance(record, Event) else record for record in records]

    def _begin(self):
        self._sum, self._seconds, self._hops_to_next = 0.0, 0, 0

    def _look(self, frame):
        direction = self._infant.network.direction(frame)
        if not is_answer(direction):
            self._is_silenced = True
            self._left_out.add(EMBEDDING, "events have no score until the next start")
            return
        self._sum = self._sum + direction
        self._seconds += 1
        self._hops_to_next = FRAME_HOPS

    def _scored(self, event):
        if not self._seconds or self._is_silenced:
            return event
        mean = self._sum / self._seconds
        if self._utc:
            self._infant.waiting.add(self._utc(event.start_s), mean, self._seconds)
        self._seconds = 0
        return event._replace(infant_score=self._infant.score(mean))
