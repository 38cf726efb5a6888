"""Receiver operating characteristics as a small SVG, made of numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np

SIDE, MARGIN, LINE = 320, 44, 15  # px
COLOURS = ("#9aa5b1", "#6b7f95", "#c99a3f", "#d0673d", "#1f6f5c", "#7b3f8c")
POINTS = 200  # of a curve at most


def roc_plot(curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> str:
    """SVG of {name: (false positive rate, true positive rate)}, both rising from 0 to 1."""
    height = SIDE + 2 * MARGIN + LINE * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE + 2 * MARGIN} {height}" role="img" '
        f'aria-label="share of cries kept over share of other sounds kept" font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="white"/><rect x="{MARGIN}" y="{MARGIN / 2}" width="{SIDE}" '
        f'height="{SIDE}" fill="none" stroke="#ccc"/>',
    ]
    for number, (name, (false_rate, true_rate)) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{path(false_rate, true_rate)}" fill="none" stroke="{colour}"/>')
        y = SIDE + 1.6 * MARGIN + LINE * number
        parts.append(f'<text x="{MARGIN}" y="{y:.0f}" fill="{colour}">{escape(name)}</text>')
    for share in (0.0, 0.5, 1.0):
        x, y = MARGIN + share * SIDE, MARGIN / 2 + (1 - share) * SIDE
        parts.append(f'<text x="{x:.0f}" y="{SIDE + MARGIN / 2 + 14:.0f}" text-anchor="middle">{share:g}</text>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end">{share:g}</text>')
    x = MARGIN + SIDE / 2
    parts.append(f'<text x="{x:.0f}" y="{SIDE + MARGIN / 2 + 28:.0f}" text-anchor="middle">other sounds kept</text>')
    parts.append(f'<text transform="translate(12 {MARGIN / 2 + SIDE / 2:.0f}) rotate(-90)" '
                 f'text-anchor="middle">cries kept</text></svg>\n')  # fmt: skip
    return "\n".join(parts)


def path(false_rate: np.ndarray, true_rate: np.ndarray) -> str:
    """Points of a polyline, not more than POINTS."""
    kept = np.unique(np.linspace(0, len(false_rate) - 1, min(POINTS, len(false_rate))).astype(int))
    return " ".join(f"{MARGIN + x * SIDE:.1f},{MARGIN / 2 + (1 - y) * SIDE:.1f}"
                    for x, y in zip(false_rate[kept], true_rate[kept], strict=True))  # fmt: skip
