"""Values that are no numbers, where they come in: NaN, infinity, and what no microphone sends."""

import numpy as np

from edge.dsp.high_pass import hold_numbers

LOUDEST = 16.0  # full scale is 1; a float source is louder than that only by mistake


class NumberGuard:
    """Holds the sample before wherever a value is no number, in each channel alone, and counts such values.

    first_at: the frame of the first of them, counted from 0; None without any. value: what it was.
    """

    def __init__(self, channels: int):
        self.replaced = 0
        self.first_at = None
        self.value = 0.0
        self._frames = 0
        self._last = np.zeros(channels, np.float32)

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (n, channels) float32, n > 0; returns the same, or a copy without the values that are no numbers."""
        if not max(block.max(), -block.min()) <= LOUDEST:
            block = self._replace(block)
        self._last = block[-1]
        self._frames += len(block)
        return block

    def _replace(self, block):
        broken = ~(np.abs(block) <= LOUDEST)
        if self.first_at is None:
            row, channel = np.argwhere(broken)[0]
            self.first_at, self.value = self._frames + int(row), float(block[row, channel])
        self.replaced += int(np.count_nonzero(broken))
        return hold_numbers(block, self._last, LOUDEST)
