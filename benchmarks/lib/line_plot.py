"""Curves as a small SVG, made of numbers alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import numpy as np

SIDE, MARGIN, LINE = 320, 44, 15  # px
COLOURS = ("#9aa5b1", "#6b7f95", "#c99a3f", "#d0673d", "#1f6f5c", "#7b3f8c", "#2f6fb0", "#8a8a2e")
POINTS = 200  # of a curve at most
Curve = tuple[np.ndarray, np.ndarray]  # x and y, of which x rises
Bars = list[tuple[float, float, float]]  # x, and an interval of y


@dataclass(frozen=True)
class Axis:
    """What is along one side, from where to where, and the numbers that are written there."""

    label: str
    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: np.ndarray | float) -> np.ndarray | float:
        """Of the side: 0 at its beginning, 1 at its end."""
        return (value - self.low) / (self.high - self.low)


def line_plot(curves: Mapping[str, Curve], x: Axis, y: Axis, about: str, bars: Mapping[str, Bars] | None = None) -> str:
    """SVG of the curves, each with its name, some with intervals; what lies beyond an axis is left out."""
    height = SIDE + 2 * MARGIN + LINE * len(curves)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE + 2 * MARGIN} {height}" role="img" '
        f'aria-label="{escape(about)}" font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="white"/><rect x="{MARGIN}" y="{MARGIN / 2}" width="{SIDE}" '
        f'height="{SIDE}" fill="none" stroke="#ccc"/>',
    ]
    for number, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{path(*curve, x, y)}" fill="none" stroke="{colour}"/>')
        for along, low, high in (bars or {}).get(name, []):
            ends = path(np.array([along, along]), np.clip([low, high], y.low, y.high), x, y)
            parts.append(f'<polyline points="{ends}" fill="none" stroke="{colour}" stroke-opacity="0.5"/>')
        below = SIDE + 1.6 * MARGIN + LINE * number
        parts.append(f'<text x="{MARGIN}" y="{below:.0f}" fill="{colour}">{escape(name)}</text>')
    for tick in x.ticks:
        along = MARGIN + x.place(tick) * SIDE
        parts.append(f'<text x="{along:.0f}" y="{SIDE + MARGIN / 2 + 14:.0f}" text-anchor="middle">{tick:g}</text>')
    for tick in y.ticks:
        along = MARGIN / 2 + (1 - y.place(tick)) * SIDE
        parts.append(f'<text x="{MARGIN - 6}" y="{along + 4:.0f}" text-anchor="end">{tick:g}</text>')
    middle = MARGIN + SIDE / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{SIDE + MARGIN / 2 + 28:.0f}" text-anchor="middle">{escape(x.label)}</text>'
    )
    parts.append(f'<text transform="translate(12 {MARGIN / 2 + SIDE / 2:.0f}) rotate(-90)" '
                 f'text-anchor="middle">{escape(y.label)}</text></svg>\n')  # fmt: skip
    return "\n".join(parts)


def path(along: np.ndarray, up: np.ndarray, x: Axis, y: Axis) -> str:
    """Points of a polyline, not more than POINTS, none beyond the end of an axis."""
    kept = np.unique(np.linspace(0, len(along) - 1, min(POINTS, len(along))).astype(int))
    places = [(x.place(a), y.place(b)) for a, b in zip(along[kept], up[kept], strict=True)]
    return " ".join(f"{MARGIN + a * SIDE:.1f},{MARGIN / 2 + (1 - b) * SIDE:.1f}"
                    for a, b in places if 0 <= a <= 1 and 0 <= b <= 1)  # fmt: skip
