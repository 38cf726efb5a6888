"""Columns on another time line: whole recordings brought to one length, as the papers' tables do."""

import numpy as np


def stretch(columns, length):
    """Columns (T, rows) stretched or squeezed to (length, rows) float32; T and length >= 1.

    Interpolated linearly; averaged over equal stretches of time when more than two columns fall to one.
    """
    return (average if len(columns) > 2 * length else interpolate)(columns, length)


def interpolate(columns, length):
    """Linear interpolation, both ends kept: the value at t (T - 1) / (length - 1) for t = 0 to length - 1.

    columns: (T, ...), T >= 1. Returns (length, ...) float32; length >= 2.
    """
    columns = np.asarray(columns)
    position = np.arange(length) * (len(columns) - 1) / float(length - 1)
    left = position.astype(int)
    right = np.minimum(left + 1, len(columns) - 1)
    share = (position - left).astype(np.float32).reshape((-1,) + (1,) * (columns.ndim - 1))
    return ((1.0 - share) * columns[left] + share * columns[right]).astype(np.float32)


def average(columns, length):
    """The mean over each of `length` equal stretches of time; a column that lies in two counts for its share in each.

    columns: (T, rows), T >= length. Returns (length, rows) float32.
    """
    total = np.zeros((len(columns) + 1, columns.shape[1]))
    np.cumsum(columns, axis=0, dtype=np.float64, out=total[1:])
    edges = np.arange(length + 1) * (len(columns) / float(length))
    left = np.minimum(edges.astype(int), len(columns) - 1)
    at_edges = total[left] + (edges - left)[:, None] * (total[left + 1] - total[left])
    return (np.diff(at_edges, axis=0) * (length / float(len(columns)))).astype(np.float32)
