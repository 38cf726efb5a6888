"""Receiver operating characteristics as a small SVG."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.lib.line_plot import Axis, Curve, line_plot

SHARES = (0.0, 0.5, 1.0)


def roc_plot(curves: Mapping[str, Curve]) -> str:
    """SVG of {name: (false positive rate, true positive rate)}, both rising from 0 to 1."""
    x, y = (Axis(label, 0.0, 1.0, SHARES) for label in ("other sounds kept", "cries kept"))
    return line_plot(curves, x, y, "share of cries kept over share of other sounds kept")
