"""What every source does with samples as they come: numbers only, one channel, 16 kHz."""

from typing import List, Tuple

import numpy as np

from edge.audio.channels import ChannelChooser
from edge.audio.numbers import LOUDEST, NumberGuard
from edge.audio.resample import StreamingResampler

CHANNELS = "channels"
NOT_NUMBERS = "not numbers"

Remark = Tuple[str, str]  # what is wrong with the sound, in a word; what a person should know of it


class Intake:
    """Native samples in, 1-D float32 at 16 kHz out; the same whatever the block sizes.

    Raises UserError when the rate cannot be resampled.
    """

    def __init__(self, rate_hz: int, channels: int):
        self.guard = NumberGuard(channels)
        self.chooser = ChannelChooser(channels, rate_hz)
        self._resampler = StreamingResampler(rate_hz)
        self._replaced_before = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (n, channels) float32, n > 0; returns what is ready, which may be nothing."""
        return self._resampler.push(self.chooser.push(self.guard.push(block)))

    def finish(self) -> np.ndarray:
        """What the resampler still holds; the last call."""
        return self._resampler.finish()

    def remarks(self) -> List[Remark]:
        """What is wrong with the samples since the last call."""
        remarks = []
        replaced = self.guard.replaced - self._replaced_before
        self._replaced_before = self.guard.replaced
        if replaced:
            text = (
                "{} sample{} NaN, infinite or more than {:g} times full scale; the one before each was heard in its "
                "place ({} so far): check the driver of the microphone or the program that sends them"
            )
            remarks.append(
                (NOT_NUMBERS, text.format(replaced, "s were" if replaced > 1 else " was", LOUDEST, self.guard.replaced))
            )
        of_channels = self.chooser.remark()
        return remarks + ([(CHANNELS, of_channels)] if of_channels else [])
