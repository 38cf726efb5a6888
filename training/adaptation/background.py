"""The background of a place as sums: of each band's log energy how many columns, their sum, their sum of squares.

Of such sums no sound can be made again: noise that is drawn from them is stationary, and has no words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUIET = 0.3  # of the columns, the quietest


@dataclass(frozen=True)
class Background:
    """count: columns. total, squares: (bands,) of log-mel."""

    count: int
    total: np.ndarray
    squares: np.ndarray

    @classmethod
    def of_columns(cls, log_mel: np.ndarray) -> Background:
        """The sums of columns (n, bands)."""
        log_mel = log_mel.astype(np.float64)
        return cls(len(log_mel), log_mel.sum(axis=0), (log_mel**2).sum(axis=0))

    @classmethod
    def of_quiet(cls, frames: np.ndarray) -> Background:
        """Of frames (n, columns, bands) the columns that are quietest."""
        columns = frames.reshape(-1, frames.shape[-1])
        level = columns.mean(axis=1)
        return cls.of_columns(columns[level <= np.quantile(level, QUIET)])

    @property
    def mean(self) -> np.ndarray:
        """Of log-mel, (bands,)."""
        return self.total / self.count

    @property
    def deviation(self) -> np.ndarray:
        """Of log-mel, (bands,)."""
        return np.sqrt(np.maximum(self.squares / self.count - self.mean**2, 0.0))

    def draw(self, n: int, columns: int, rng: np.random.Generator) -> np.ndarray:
        """Energies (n, columns, bands) of such a background."""
        return np.exp(self.mean + self.deviation * rng.standard_normal((n, columns, len(self.total))))
