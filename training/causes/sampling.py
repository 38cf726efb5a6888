"""Network input from an experiment's tensors: in any variant, through any microphone, with gaps, two mixed."""

from __future__ import annotations

import numpy as np

from edge.dsp.fused import MFCC_ROWS, STFT_ROWS, WAVE_ROW, RowStatistics, standardise
from edge.dsp.mfcc import DCT, FILTERBANK
from edge.dsp.stft import N_BINS, bins_within
from training.causes.config import Experiment
from training.causes.material import Material, chosen_rows
from training.data.spectra import random_eq, spec_augment

EQ_KNOTS = 9  # one each 1000 Hz


class Tensors:
    """An experiment's material as network input: some rows, z-scored with the training part's statistics."""

    def __init__(self, material: Material, training: np.ndarray, experiment: Experiment):
        """training: the items that may be learnt from."""
        self.material, self.experiment = material, experiment
        self.rows = chosen_rows(experiment.features)
        self.variants = experiment.augment.variants
        statistics = RowStatistics()
        for variant in self.variants:
            for item in training:
                statistics.add(material.tensors[variant][item])
        self.mean, self.deviation = statistics.mean()[self.rows], statistics.deviation()[self.rows]

    def take(self, items: np.ndarray) -> np.ndarray:
        """(items, columns, rows, 1) float32 of the first variant."""
        return self._standard(np.stack([self.material.tensors[self.variants[0]][item] for item in items]))[..., None]

    def draw(self, items: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(items, columns, rows, 1) float32, each in any variant, through any microphone, and with gaps."""
        names = [self.variants[number] for number in rng.integers(0, len(self.variants), len(items))]
        tensors = [self.material.tensors[name][item] for name, item in zip(names, items, strict=True)]
        corrupted = apply_eq(np.stack(tensors), draw_eq(self.experiment, len(items), rng))
        return self._spec_augment(self._standard(corrupted), rng)[..., None]

    def _standard(self, tensors: np.ndarray) -> np.ndarray:
        columns = tensors[:, :, self.rows].astype(np.float32)
        return standardise(columns, self.mean, self.deviation, out=columns)

    def _spec_augment(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """x (items, columns, rows) with some columns, and some rows of the spectrum, at their mean."""
        config = self.experiment.augment
        spectrum = np.flatnonzero((self.rows >= STFT_ROWS.start) & (self.rows < STFT_ROWS.stop))
        rows = (spectrum[0], spectrum[-1] + 1) if len(spectrum) else (0, 0)
        return spec_augment(x, config.time_mask, config.row_mask, rng, among=rows)


def apply_eq(tensors: np.ndarray, nats: np.ndarray) -> np.ndarray:
    """The fused tensors (n, columns, 273) of recordings with each bin's power exp(nats) times as large.

    nats: (n, bins) of the bins within the tensors' band. What their features would be, but for floors: a gain is a
    constant in every logarithm of a power, and a cepstrum is a sum of logarithms.
    """
    changed = tensors.astype(np.float32)
    n_bins = nats.shape[1]
    changed[:, :, STFT_ROWS.start : STFT_ROWS.start + n_bins] += nats[:, None]
    weights = FILTERBANK[:n_bins]  # a mel band above the bins is empty, and stays so
    changed[:, :, MFCC_ROWS] += ((nats @ weights / np.maximum(weights.sum(axis=0), 1e-9)) @ DCT)[:, None]
    changed[:, :, WAVE_ROW] *= np.exp(nats.mean(axis=1) / 2)[:, None]
    return changed


def draw_eq(experiment: Experiment, n: int, rng: np.random.Generator) -> np.ndarray:
    """n microphones' gain and response: nats of power of each bin within the band, lines between some points."""
    config = experiment.augment
    knots_db = rng.uniform(-1, 1, (n, 1)) * config.gain_db + rng.uniform(-1, 1, (n, EQ_KNOTS)) * config.colour_db
    return random_eq(knots_db, N_BINS)[:, : bins_within(experiment.features.band_hz)] / 10 * np.log(10)


def mixed(x: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Every item a little of another one, and its target too, by a share from Beta(alpha, alpha): mixup.

    Between two speakers lie others. Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2018.
    """
    share = np.float32(rng.beta(alpha, alpha))
    other = rng.permutation(len(x))
    return share * x + (1 - share) * x[other], share * targets + (1 - share) * targets[other]
