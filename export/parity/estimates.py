"""What a denoiser makes of frames, in decibels of log-spectral distance, and how far an exported one is from Keras.

How much it denoises is measured on mixtures: the energies of a sum of sounds are nearly the sum of their energies, so
that log-mel frames of a cry alone and of another sound alone give a noisy frame whose clean one is known.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from export.parity.calibration import Part, Provenance, normalised
from export.parity.evidence import Compared, error_points, finite, worst_rows
from export.targets import Bounds

DB_PER_NAT = 10 / np.log(10)
SNR_DB = (0.0, 10.0)
SEED = 3


@dataclass(frozen=True)
class Mixtures:
    """Cries with other sounds under them: network inputs (N, 98, bands, 1), and the normalised frames without."""

    noisy: np.ndarray
    clean: np.ndarray


@dataclass(frozen=True)
class EstimateParity:
    """Differences from Keras over the frames of the parity part; the estimates are normalised frames."""

    n: int
    max_abs: float  # of Keras: what errors are measured against
    max_error: float
    p99_error: float
    mean_error: float
    distance_db: float  # log-spectral distance between the estimates, mean over frames
    max_distance_db: float  # of the worst frame
    keras_gain_db: float  # by how much nearer to the clean frame a mixture comes, level aside
    gain_db: float  # by the file

    def as_dict(self) -> dict[str, Any]:
        """For the report; JSON has no NaN, so what is not finite becomes None."""
        return {key: value if np.isfinite(value) else None for key, value in asdict(self).items()}


def mixtures(part: Part, is_clean: np.ndarray, scale: float) -> Mixtures:
    """Every cry of a part that is alone, with another sound of it under it at SNR_DB. is_clean: bool (N,)."""
    rng = np.random.default_rng(SEED)
    cries, others = (np.flatnonzero(is_clean & kind) for kind in (part.labels, ~part.labels))
    cry, other = np.exp(part.features[cries]), np.exp(part.features[rng.choice(others, len(cries))])
    snr = 10 ** (rng.uniform(*SNR_DB, len(cries)) / 10)
    under = cry.mean((1, 2)) / other.mean((1, 2)) / snr
    noisy = np.log(cry + under[:, None, None] * other)
    return Mixtures(normalised(noisy, scale), normalised(part.features[cries], scale))


def distance_db(first: np.ndarray, second: np.ndarray, scale: float) -> np.ndarray:
    """Log-spectral distance of normalised frames (N, columns, bands, 1): RMS over bands, mean over columns, (N,)."""
    difference = (first - second)[..., 0].astype(np.float64) * (scale * DB_PER_NAT)
    return np.sqrt(np.square(difference).mean(axis=2)).mean(axis=1)


def gains_db(estimates: np.ndarray, mixed: Mixtures, scale: float) -> np.ndarray:
    """By how much nearer to the clean frame than the mixture each estimate is, (N,); levels do not count."""
    before = distance_db(centred(mixed.noisy), centred(mixed.clean), scale)
    return before - distance_db(centred(estimates), centred(mixed.clean), scale)


def centred(frames: np.ndarray) -> np.ndarray:
    """Each frame around its own mean."""
    return frames - frames.mean(axis=(1, 2, 3), keepdims=True)


def compare_estimates(reference: np.ndarray, estimates: np.ndarray, mixed: Mixtures, scale: float) -> EstimateParity:
    """Parity of estimates against Keras's, (N, 98, bands, 1); the last ones are of the mixtures."""
    error, distances = np.abs(estimates - reference), distance_db(estimates, reference, scale)
    n = len(mixed.noisy)
    return EstimateParity(
        n=len(reference),
        max_abs=float(np.abs(reference).max()),
        max_error=float(error.max()),
        p99_error=float(np.percentile(error, 99)),
        mean_error=float(error.mean()),
        distance_db=float(distances.mean()),
        max_distance_db=float(distances.max()),
        keras_gain_db=float(gains_db(reference[-n:], mixed, scale).mean()),
        gain_db=float(gains_db(estimates[-n:], mixed, scale).mean()),
    )


def estimate_violations(parity: EstimateParity, bounds: Bounds) -> list[str]:
    """Every bound that is not kept, in words. A NaN keeps none."""
    relative = parity.max_error / max(1.0, parity.max_abs)
    found = []
    # Written as "not kept", because every comparison with NaN is false.
    if not parity.mean_error < float("inf"):
        found.append("estimates are NaN or infinite")
    if bounds.logit_error is not None and not relative <= bounds.logit_error:
        found.append(f"error {relative:.3g}, at most {bounds.logit_error:g} is allowed")
    if not parity.distance_db <= bounds.distance_db:
        found.append(f"log-spectral distance {parity.distance_db:.3g} dB, at most {bounds.distance_db:g} dB is allowed")
    return found


@dataclass(frozen=True)
class EstimateComparison:
    """Judges estimates of clean frames, of which the last are of mixtures."""

    mixed: Mixtures
    scale: float
    provenance: list[Provenance]

    def compare(self, reference: np.ndarray, outputs: np.ndarray) -> Compared:
        """Estimates (N, 98, bands, 1) beside those of Keras."""
        distances = distance_db(outputs, reference, self.scale)
        worst = [{**row, "distance_db": finite(distances[n])} for n, row in worst_rows(distances, self.provenance)]
        flat = [values.reshape(len(values), -1) for values in (reference, outputs)]
        return Compared(compare_estimates(reference, outputs, self.mixed, self.scale), worst, error_points(*flat))

    def violations(self, parity: EstimateParity, bounds: Bounds) -> list[str]:
        """Every bound that is not kept, in words."""
        return estimate_violations(parity, bounds)
