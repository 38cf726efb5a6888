"""Experts that look at log-mel frames of an episode, and the denoiser before them."""

import math
from time import perf_counter

import numpy as np

from edge.bundle.model import DENOISER
from edge.decision.left_out import is_answer
from edge.dsp.log_mel import HOP_LENGTH, WINDOW_LENGTH, LogMelStream, count_columns
from edge.frames import FRAME_COLUMNS


class FrameExperts(object):
    """Log-mel columns of an episode, one stream per number of bands, and the experts that look at frames of them.

    A frame is denoised once, whoever looks at the estimate.
    """

    def __init__(self, experts, denoiser, most_samples, timed, silence):
        """experts: edge.bundle.FrameExpert. denoiser: edge.bundle.Denoiser, None where no expert is behind it.

        most_samples: taken at once. timed: (stage, when it began) -> now. silence: (title, experts' names) when the
        denoiser answers no number.
        """
        self._silence_behind = silence
        self._experts = experts
        self._denoiser = denoiser
        self._timed = timed
        self._columns = {expert.n_mels: NewestColumns(expert.n_mels, most_samples) for expert in experts}
        self._n_samples = 0  # of the episode

    def reset(self):
        """An episode opens: its first frame begins with its first sample."""
        self._n_samples = 0
        for columns in self._columns.values():
            columns.reset()
        for expert in self._experts:
            expert.reset()

    def silence(self, names):
        """Ask these experts no more."""
        self._experts = [expert for expert in self._experts if expert.name not in names]

    def take(self, samples):
        """Take the episode's next 1-D float32 samples; yield the readings that they complete.

        A reading: (expert's name, samples of the episode up to the frame's end, True, logits (labels,), which hold
        until the next).
        """
        started = perf_counter()
        self._n_samples += len(samples)
        n_columns = count_columns(self._n_samples)
        for columns in self._columns.values():
            columns.push(samples)
        started = self._timed("episode log_mel", started)
        while self._next_end() <= n_columns:
            end, estimate = self._next_end(), None
            for expert in list(self._experts):
                if expert.next_end != end or expert not in self._experts:
                    continue
                frame = self._columns[expert.n_mels].frame(n_columns - end)
                if expert.is_denoised:
                    if estimate is None:
                        estimate = self._denoiser.estimate(frame)
                        started = self._timed("denoiser", started)
                        if not is_answer(estimate):
                            self._silence_behind(DENOISER, [each.name for each in self._experts if each.is_denoised])
                            continue
                    frame = estimate
                yield expert.name, WINDOW_LENGTH + (end - 1) * HOP_LENGTH, True, expert.push(frame)
                started = self._timed("expert " + expert.name, started)

    def _next_end(self):
        return min((expert.next_end for expert in self._experts), default=math.inf)


class NewestColumns(object):
    """The newest log-mel columns of an episode: a frame, and as many more as come at once."""

    def __init__(self, n_mels, most_samples):
        """most_samples: pushed at once."""
        self._columns = np.zeros((FRAME_COLUMNS + most_samples // HOP_LENGTH, n_mels), np.float32)
        self._stream = LogMelStream(n_mels)

    def reset(self):
        """An episode opens."""
        self._stream.reset()

    def push(self, samples):
        """Take the next 1-D float32 samples at 16 kHz."""
        self._stream.push_into(self._columns, samples)

    def frame(self, age):
        """The frame after which there are `age` columns: (98, n_mels) float32 ln-mel, until the next push."""
        end = len(self._columns) - age
        return self._columns[end - FRAME_COLUMNS : end]
