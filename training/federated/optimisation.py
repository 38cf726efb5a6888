"""Local steps and what the server makes of them: FedAvg, FedProx, SCAFFOLD, and SCAFFOLD with a proximal term.

McMahan et al., 2017; Li et al., 2020; Karimireddy et al., 2020. With as many steps at one rate in every home, and equal
weights, the server knows how the mean control variate changed from the mean update alone, so homes do not send theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Gradient = Callable[[np.ndarray, int], np.ndarray]  # at (n,) parameters, in step number -> (n,)


@dataclass(frozen=True)
class LocalSteps:
    """How a home trains: plain gradient descent, for momentum would break the control variates' formula."""

    steps: int
    rate: float
    clip_norm: float = 1.0  # of each gradient; 0: never clipped
    proximal: float = 0.01  # how strongly it is pulled back to where the round began; 0: FedAvg, plain SCAFFOLD
    control_variates: bool = True  # steps are corrected by what homes differ in; False: FedAvg, FedProx


def clipped(vector: np.ndarray, norm: float) -> np.ndarray:
    """The vector, no longer than norm; as it is where norm is 0."""
    length = float(np.linalg.norm(vector))
    return vector * vector.dtype.type(norm / length) if norm and length > norm else vector


def train_locally(
    start: np.ndarray, gradient: Gradient, local: LocalSteps, server_control: np.ndarray, own_control: np.ndarray
) -> np.ndarray:
    """Parameters (n,) after the steps y <- y - rate (clip(g) - own_control + server_control + proximal (y - start))."""
    correction = server_control - own_control if local.control_variates else np.zeros_like(start)
    y = start.copy()
    for step in range(local.steps):
        pull = local.proximal * (y - start)
        y = y - y.dtype.type(local.rate) * (clipped(gradient(y, step), local.clip_norm) + correction + pull)
    return y


def control_change(update: np.ndarray, server_control: np.ndarray, local: LocalSteps) -> np.ndarray:
    """What a home's control variate changes by after its update y - start; linear, so the mean's is of the mean."""
    return -server_control - update / (local.steps * local.rate)


def server_step(
    start: np.ndarray, server_control: np.ndarray, mean_update: np.ndarray, share: float, local: LocalSteps
) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and server's control variate after a round. share: of all homes, those in the mean."""
    if local.control_variates:
        server_control = server_control + share * control_change(mean_update, server_control, local)
    return start + mean_update, server_control
