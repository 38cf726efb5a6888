"""The temperature that makes probabilities honest: fitted on the temperature part, for models that bring none."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

TEMPERATURE_RANGE = (0.05, 20.0)


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """argmin over T of the mean NLL of softmax(logits / T), sought in log T and kept within TEMPERATURE_RANGE.

    logits: (N, K); a single one stands against zero, as a sigmoid does. classes: (N,) int, the true ones.
    """
    logits = np.asarray(logits, np.float64)
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])

    def nll(log_t: float) -> float:
        scaled = logits / np.exp(log_t)
        return float(np.mean(logsumexp(scaled, axis=1) - scaled[np.arange(len(classes)), classes]))

    found = minimize_scalar(nll, bounds=np.log(TEMPERATURE_RANGE), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))
