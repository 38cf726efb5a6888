"""The two numbers that are fitted: bias and scale, so that the sum of both networks' evidence is a probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from edge.bundle.model import Cascade
from training.data.corpora import CRY, UNVERIFIED, Clip
from training.verifier.config import GATE, SLOPES, cascade
from training.verifier.hearing import Heard, probabilities

SMOOTHED = 3  # frames: the device's default
WEAK_REGULARISATION = 100.0  # scikit-learn's C


def fit(clips: Sequence[Clip], heard: Sequence[Heard], slopes: Sequence[float] = SLOPES, gate: float = GATE) -> Cascade:
    """Bias and scale from the frames in which a verifier of this gate would be asked; every clip counts the same."""
    evidence, labels, weights = [], [], []
    for clip, answers in zip(clips, heard, strict=True):
        rows = answers.detector >= np.log(gate / (1 - gate))
        if clip.detector_label != UNVERIFIED and rows.any():
            evidence.append(answers.detector[rows] + answers.verifier[rows] @ np.asarray(slopes))
            labels.append(np.full(rows.sum(), clip.detector_label == CRY))
            weights.append(np.full(rows.sum(), 1.0 / rows.sum()))
    model = LogisticRegression(C=WEAK_REGULARISATION)
    model.fit(np.concatenate(evidence)[:, None], np.concatenate(labels), sample_weight=np.concatenate(weights))
    return cascade(float(model.intercept_[0]), float(model.coef_[0, 0]), slopes, gate)


def largest(probability: np.ndarray) -> float:
    """The largest smoothed probability of a recording, as `cry-monitor analyze --frames` would show it."""
    padded = np.concatenate([np.zeros(SMOOTHED - 1), probability])
    return float(np.convolve(padded, np.full(SMOOTHED, 1.0 / SMOOTHED), "valid").max())


def clip_scores(heard: Sequence[Heard], decided: Cascade | None) -> np.ndarray:
    """largest() of every recording, (clips,)."""
    return np.array([largest(probabilities(answers, decided)) for answers in heard])
