"""Voice activity by energy: which 10-ms columns of a recording stand out from its own background.

The background is the 10th percentile of the columns' levels; what is more than 6 dB above it is active, and so are the
200 ms after it. It asks nothing about what sounds: a door is active too, and a cry that never pauses is its own
background. It chooses what to train on; on the device the level gate and the detector decide what is heard.
"""

import numpy as np

from edge.dsp.log_mel import HOP_LENGTH, WINDOW_LENGTH, count_columns
from edge.frames import SAMPLE_RATE

BACKGROUND_PERCENTILE = 10.0
MARGIN_DB = 6.0  # above the background
HANGOVER_S = 0.2
HANGOVER_COLUMNS = int(round(HANGOVER_S * SAMPLE_RATE / HOP_LENGTH))  # 20
LEAST_DBFS = -82.0  # log-mel sees nothing below it


def active(samples):
    """Which log-mel columns of 1-D samples at 16 kHz are active: (T,) bool, T = count_columns(len(samples))."""
    levels = levels_dbfs(samples)
    if not len(levels):
        return np.zeros(0, bool)
    loud = levels > np.percentile(levels, BACKGROUND_PERCENTILE) + MARGIN_DB
    column = np.arange(len(levels))
    latest_loud = np.maximum.accumulate(np.where(loud, column, -HANGOVER_COLUMNS - 1))
    return column - latest_loud <= HANGOVER_COLUMNS


def levels_dbfs(samples):
    """Mean square of each 25-ms window in dB below full scale, at least LEAST_DBFS: (T,) float64."""
    total = np.concatenate(([0.0], np.cumsum(np.square(np.asarray(samples, dtype=np.float64)))))
    first = np.arange(count_columns(len(samples))) * HOP_LENGTH
    mean_square = (total[first + WINDOW_LENGTH] - total[first]) / WINDOW_LENGTH
    return 10.0 * np.log10(np.maximum(mean_square, 10.0 ** (LEAST_DBFS / 10.0)))
