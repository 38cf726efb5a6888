"""How far an exported embedding is from Keras: by how much the scores between seconds move, which are cosines."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from export.parity.calibration import Provenance
from export.parity.evidence import Compared, error_points, finite, worst_rows
from export.targets import Bounds


@dataclass(frozen=True)
class DirectionParity:
    """Differences from Keras over the frames of the parity part."""

    n: int
    max_score_error: float  # of the cosines between all pairs of frames
    p99_score_error: float
    mean_score_error: float
    mean_cosine: float  # of a frame's direction with that of Keras
    min_cosine: float

    def as_dict(self) -> dict[str, Any]:
        """For the report; JSON has no NaN, so what is not finite becomes None."""
        return {key: value if np.isfinite(value) else None for key, value in asdict(self).items()}


def directions(vectors: np.ndarray) -> np.ndarray:
    """Rows (N, dimensions) of length 1, float64; one of zeros stays."""
    exact = vectors.astype(np.float64)
    return exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)


def score_errors(reference: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """(N, N): by how much the cosine of each pair of frames moves."""
    before, after = directions(reference), directions(vectors)
    return np.abs(after @ after.T - before @ before.T)


def direction_violations(parity: DirectionParity, bounds: Bounds) -> list[str]:
    """Every bound that is not kept, in words: a score is held to what a posterior is. A NaN keeps none."""
    if not parity.mean_score_error < float("inf"):
        return ["vectors are NaN or infinite"]
    if not parity.max_score_error <= bounds.posterior_error:
        return [f"score error {parity.max_score_error:.3g}, at most {bounds.posterior_error:g} is allowed"]
    return []


@dataclass(frozen=True)
class DirectionComparison:
    """Judges vectors (N, dimensions) by their directions."""

    provenance: list[Provenance]

    def compare(self, reference: np.ndarray, outputs: np.ndarray) -> Compared:
        """Vectors of a file beside those of Keras."""
        errors = score_errors(reference, outputs)
        same = (directions(reference) * directions(outputs)).sum(axis=1)
        parity = DirectionParity(
            n=len(reference),
            max_score_error=float(errors.max()),
            p99_score_error=float(np.percentile(errors, 99)),
            mean_score_error=float(errors.mean()),
            mean_cosine=float(same.mean()),
            min_cosine=float(same.min()),
        )
        of_row = errors.max(axis=1)
        worst = [{**row, "score_error": finite(of_row[n])} for n, row in worst_rows(of_row, self.provenance)]
        return Compared(parity, worst, error_points(directions(reference), directions(outputs)))

    def violations(self, parity: DirectionParity, bounds: Bounds) -> list[str]:
        """Every bound that is not kept, in words."""
        return direction_violations(parity, bounds)
