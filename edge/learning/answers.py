"""What both networks answered, hop by hop, while an episode lasted."""

from collections import deque
from typing import Deque, Sequence, Tuple

import numpy as np

from edge.frames import FRAME_HOP_S, FRAME_S

LEAST_APART_S = 0.6  # nearer ones tell little that is new, and more of what was said
MOST_ANSWERS = 100  # of one episode: a minute of asking; of a longer one as many, evenly spaced
MOST_NUMBERS = 32  # of one answer
REMEMBERED = 2000  # answers of the newest sound: twenty minutes of asking


class AnswerLog(object):
    """The newest answers of one stream of audio."""

    def __init__(self):
        self._answers: Deque[Tuple[float, Tuple[float, ...]]] = deque(maxlen=REMEMBERED)

    def add(self, t_s: float, logits: Sequence[float]) -> None:
        """The networks answered with these numbers to the frame that ended at second t_s."""
        is_near = self._answers and t_s - self._answers[-1][0] < LEAST_APART_S - FRAME_HOP_S / 2
        if len(logits) <= MOST_NUMBERS and not is_near:
            self._answers.append((t_s, tuple(logits)))

    def between(self, start_s: float, end_s: float) -> np.ndarray:
        """(n, numbers) float32 of at most MOST_ANSWERS frames that hold any of that time; n may be 0."""
        own = [logits for t_s, logits in self._answers if start_s <= t_s <= end_s + FRAME_S]
        return spaced(own)


def spaced(answers: Sequence[Tuple[float, ...]]) -> np.ndarray:
    """At most MOST_ANSWERS of them, evenly spaced, as a float32 array."""
    if not answers:
        return np.zeros((0, 0), np.float32)
    kept = np.unique(np.linspace(0, len(answers) - 1, min(len(answers), MOST_ANSWERS)).round().astype(int))
    return np.array([answers[number] for number in kept], np.float32)
