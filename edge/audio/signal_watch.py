"""Seeing that a microphone sends what no room sounds like: digital silence, or sound cut off at full scale."""

import math
from typing import Optional, Tuple

import numpy as np

from edge.frames import SAMPLE_RATE

SILENCE_S = 30.0  # exact zeros for so long: every real microphone hisses
WINDOW_S = 10.0
FULL_SCALE = 0.999
CLIPPED_SHARE = 0.01  # of a window: a cry beside the microphone touches full scale, it does not stay there
AGAIN_S = 3600.0  # of audio, before the same is said again

SILENT = "silent"
SOUNDING = "sounding"  # again, after SILENT
CLIPPING = "clipping"


class SignalWatch:
    """Follows 16-kHz audio; says once what is wrong with it, and an hour later again."""

    def __init__(self):
        self._heard = 0
        self._zeros = 0  # in a row, until now
        self._silence_said = False  # of those zeros
        self._clipped = 0  # in this window
        self._window_end = WINDOW_S * SAMPLE_RATE
        self._said_at = {}

    def push(self, samples: np.ndarray) -> Optional[Tuple[str, str]]:
        """Take 1-D float32 samples; returns SILENT, SOUNDING or CLIPPING and what a person should know of it,
        or None."""
        self._heard += len(samples)
        peak = np.abs(samples).max() if len(samples) else 0.0
        if peak > 0:
            zeros, said, self._zeros, self._silence_said = self._zeros, self._silence_said, 0, False
            if said:
                return SOUNDING, "after {:.0f} s of digital silence".format(zeros / SAMPLE_RATE)
        else:
            self._zeros += len(samples)
        return self._silence() or self._clipping(samples, peak)

    def _silence(self):
        if self._zeros < SILENCE_S * SAMPLE_RATE or self._silence_said or not self._is_due(SILENT):
            return None
        self._silence_said = True
        return SILENT, "digital silence for {:.0f} s: is the microphone muted?".format(self._zeros / SAMPLE_RATE)

    def _clipping(self, samples, peak):
        if peak >= FULL_SCALE:
            self._clipped += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        if self._heard < self._window_end:
            return None
        share, self._clipped = self._clipped / (WINDOW_S * SAMPLE_RATE), 0
        self._window_end = self._heard + WINDOW_S * SAMPLE_RATE
        if share < CLIPPED_SHARE or not self._is_due(CLIPPING):
            return None
        return CLIPPING, "{:.0%} of the last {:.0f} s is cut off at full scale: turn the microphone's gain down".format(
            share, WINDOW_S
        )

    def _is_due(self, what):
        """Whether it may be said; it is then taken to be said."""
        due = self._heard >= self._said_at.get(what, -math.inf) + AGAIN_S * SAMPLE_RATE
        if due:
            self._said_at[what] = self._heard
        return due
