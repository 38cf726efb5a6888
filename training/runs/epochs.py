"""Learning epoch by epoch: the best one counts, patience ends it, and an interrupted training resumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from training.runs import checkpoints

BEST = "best-*.weights.h5"

Curves = list[dict[str, float]]
Better = Callable[[dict[str, float]], tuple[float, ...]]


def by_macro_f1(epoch: dict[str, float]) -> tuple[float, ...]:
    """How good an epoch is: by its macro-F1; of several such, the one of the smallest NLL."""
    return epoch["macro_f1"], -epoch["nll"]


def run_epochs(
    make_model: Callable[[], keras.Model],
    epoch: Callable[[keras.Model, int], dict[str, float]],
    folder: Path,
    epochs: int,
    patience: int,
    goodness: Better | None,
) -> tuple[keras.Model, Curves]:
    """The model as it was after its best epoch, and what each epoch said of itself.

    make_model: a new, compiled model. epoch(model, number): teaches it once. goodness: of an epoch, the larger the
    better; without it the last one is taken. `folder` keeps what an interrupted training goes on from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, curves = resumed(folder) or (make_model(), [])
    while len(curves) < epochs and epochs_without_gain(curves, goodness) < patience:
        curves.append(epoch(model, len(curves)))
        best = best_weights(curves, goodness)
        if best_epoch(curves, goodness) == len(curves) - 1:
            model.save_weights(folder / best)
        checkpoints.keep(folder, len(curves), model, curves)
        checkpoints.delete(folder, BEST, but=best)
    model.load_weights(folder / best_weights(curves, goodness))
    return model, curves


def resumed(folder: Path) -> tuple[keras.Model, Curves] | None:
    """What an interrupted training left, or None."""
    found = checkpoints.kept(folder)
    return found and (keras.saving.load_model(found[0]), found[1])


def best_weights(curves: Curves, goodness: Better | None) -> str:
    """The name of the file with the weights after the best epoch."""
    return BEST.replace("*", str(best_epoch(curves, goodness) + 1))


def forget(folder: Path) -> None:
    """Delete what a training would go on from."""
    checkpoints.forget(folder)
    checkpoints.delete(folder, BEST)


def best_epoch(curves: Curves, goodness: Better | None) -> int:
    """The first of the best epochs; the last one when none is better than another."""
    if goodness is None:
        return len(curves) - 1
    return max(range(len(curves)), key=lambda i: goodness(curves[i]))


def epochs_without_gain(curves: Curves, goodness: Better | None) -> int:
    """Epochs since the best one."""
    return len(curves) - 1 - best_epoch(curves, goodness) if curves else 0


def label_weights(truth: np.ndarray, n_labels: int, balanced: bool) -> np.ndarray:
    """How much an item of each label counts: all labels for the same together, or every item for 1; (labels,)."""
    if not balanced:
        return np.ones(n_labels)
    counts = np.bincount(truth, minlength=n_labels)
    return counts.sum() / (n_labels * np.maximum(counts, 1))


def batches(items: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Batches of one size; the few that are left over are spread over another batch, not trained on alone."""
    yield from np.array_split(items, n_batches(len(items), size))


def n_batches(n_items: int, size: int) -> int:
    """Batches of an epoch."""
    return max(1, n_items // size)
