"""Clips as seconds of log-mel where they sound, for networks that look at one frame at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from edge.dsp.log_mel import N_MELS, band_centres_hz, log_mel
from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS, FRAME_LENGTH
from training.data.augmentation import sounding
from training.data.corpora import Clip, read_samples
from training.data.spectra import normalise

HOP = 2 * FRAME_HOP_COLUMNS  # columns between frames: 0.4 s


@dataclass(frozen=True)
class Frames:
    """Log-mel (n, columns, bands) as it is heard, and of which clip each frame is."""

    log_mel: np.ndarray
    owner: np.ndarray

    def of(self, clips: Sequence[int] | np.ndarray) -> np.ndarray:
        """Numbers of the frames of some clips."""
        return np.flatnonzero(np.isin(self.owner, clips))

    def take(self, numbers: np.ndarray) -> np.ndarray:
        """Network input (n, columns, bands, 1): each frame around its own mean."""
        return normalise(self.log_mel[numbers])[..., None]

    @property
    def shape(self) -> tuple[int, int]:
        """Columns and bands."""
        return self.log_mel.shape[1:]


def frames_of(
    clips: Sequence[Clip],
    band_hz: float | None = None,
    coarse: int = 1,
    heard: Callable[[np.ndarray, Clip], np.ndarray] | None = None,
) -> Frames:
    """The frames of every clip, 0.4 s apart, at least one of each; a clip shorter than a second goes round.

    band_hz: bands above it are left out. coarse: so many columns, and bands, are averaged. heard: what becomes of a
    clip's samples first.
    """
    n_bands = N_MELS if band_hz is None else int((band_centres_hz() <= band_hz).sum())
    found = []
    for clip in tqdm(clips, desc="frames", mininterval=5):
        samples = sounding(read_samples(clip))
        found.append(clip_frames(samples if heard is None else heard(samples, clip), n_bands, coarse))
    return Frames(np.concatenate(found), np.repeat(np.arange(len(found)), [len(own) for own in found]))


def clip_frames(samples: np.ndarray, n_bands: int, coarse: int) -> np.ndarray:
    """(n, columns, bands) of one recording."""
    columns = log_mel(np.resize(samples, max(len(samples), FRAME_LENGTH)))[:, :n_bands]
    frames = np.stack([columns[i : i + FRAME_COLUMNS] for i in range(0, len(columns) - FRAME_COLUMNS + 1, HOP)])
    if coarse == 1:
        return frames
    n, rows, bands = len(frames), FRAME_COLUMNS // coarse, n_bands // coarse
    cut = frames[:, : rows * coarse, : bands * coarse].reshape(n, rows, coarse, bands, coarse)
    return cut.mean(axis=(2, 4))
