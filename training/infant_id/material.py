"""Frames of each infant's clips: seconds of log-mel where it sounds, half a second apart, in the band all phones have.

Phones are told apart perfectly by their bandwidth: whoever compares infants of different phones must not hear it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from edge.dsp.log_mel import band_centres_hz, log_mel
from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS, FRAME_LENGTH
from training.data.augmentation import sounding
from training.data.corpora import Clip, read_samples
from training.data.spectra import normalise

BAND_HZ = 3400.0
HOP = 2 * FRAME_HOP_COLUMNS  # columns between frames
BANDS = int((band_centres_hz() <= BAND_HZ).sum())
SHAPE = (FRAME_COLUMNS, BANDS)


@dataclass(frozen=True)
class Frames:
    """Log-mel frames (n, 98, bands, 1), each around its own mean, and of which clip each is."""

    x: np.ndarray
    owner: np.ndarray

    def of(self, clips: Sequence[int]) -> np.ndarray:
        """Numbers of the frames of some clips."""
        return np.flatnonzero(np.isin(self.owner, clips))


def frames_of(clips: Sequence[Clip]) -> Frames:
    """The frames of every clip, at least one of each."""
    found = [clip_frames(read_samples(clip)) for clip in tqdm(clips, desc="frames", mininterval=5)]
    return Frames(np.concatenate(found), np.repeat(np.arange(len(found)), [len(own) for own in found]))


def clip_frames(samples: np.ndarray) -> np.ndarray:
    """(n, 98, bands, 1) of one recording; a short one goes round."""
    samples = sounding(samples)
    columns = log_mel(np.resize(samples, max(len(samples), FRAME_LENGTH)))[:, :BANDS]
    starts = range(0, len(columns) - FRAME_COLUMNS + 1, HOP)
    return normalise(np.stack([columns[start : start + FRAME_COLUMNS] for start in starts]))[..., None]
