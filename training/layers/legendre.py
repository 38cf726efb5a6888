"""The constants of the Legendre Memory Unit: a linear system whose state is the recent past, in Legendre polynomials.

    theta dm/dt = A m + B u,   A_ij = (2i+1) (-1 if i < j else (-1)^(i-j+1)),   B_i = (2i+1) (-1)^i

(Voelker, Kajic, Eliasmith, 2019). Everything is float64; the layers round once, when they compute.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.special

ZOH, EULER = "zoh", "euler"
METHODS = (ZOH, EULER)


def legendre_matrices(order: int) -> tuple[np.ndarray, np.ndarray]:
    """A, (order, order), and B, (order,), of the continuous system."""
    i = np.arange(order)
    row, column = i[:, None], i[None, :]
    sign = np.where(row < column, -1.0, (-1.0) ** (row - column + 1))
    return (2 * row + 1) * sign, (2 * i + 1) * (-1.0) ** i


def discretise(order: int, theta: float, method: str = ZOH) -> tuple[np.ndarray, np.ndarray]:
    """(order, order) and (order,) of m[t] = Abar m[t-1] + Bbar u[t], for a window of theta steps.

    zoh holds the input over each step: exact, stable for every theta. euler is I + A / theta: it needs theta well
    above 4 * order, and even then may be unstable.

    Raises ValueError when the order, theta or the method cannot be.
    """
    if order < 1:
        raise ValueError(f"order is {order}, it must be at least 1")
    if not theta > 0:
        raise ValueError(f"theta is {theta}, it must be above 0 steps")
    if method not in METHODS:
        raise ValueError(f"discretisation is {method!r}, it must be one of {', '.join(METHODS)}")
    a, b = legendre_matrices(order)
    if method == EULER:
        return np.eye(order) + a / theta, b / theta
    block = np.zeros((order + 1, order + 1))
    block[:order, :order], block[:order, order] = a, b
    step = scipy.linalg.expm(block / theta)
    return step[:order, :order], step[:order, order]


def impulse_response(order: int, theta: float, method: str, steps: int) -> np.ndarray:
    """What one input of 1 leaves in the memory after 0, 1, ... steps: Abar^k Bbar, (steps, order)."""
    a, b = discretise(order, theta, method)
    response = np.empty((steps, order))
    for k in range(steps):
        response[k] = b
        b = a @ b
    return response


def delay_decoder(order: int, rho: float) -> np.ndarray:
    """Weights with which a memory gives back the input of rho * theta steps ago, 0 <= rho <= 1; (order,)."""
    return scipy.special.eval_legendre(np.arange(order), 2 * rho - 1)
