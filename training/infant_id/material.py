"""The band in which infants are compared.

Phones are told apart perfectly by their bandwidth: whoever compares infants of different phones must not hear it.
"""

from __future__ import annotations

from collections.abc import Sequence

from training.data.corpora import Clip
from training.data.log_mel_frames import Frames, frames_of

BAND_HZ = 3400.0


def infant_frames(clips: Sequence[Clip]) -> Frames:
    """Frames of every clip below 3400 Hz."""
    return frames_of(clips, BAND_HZ)
