"""The picture in README.md: what the monitor makes of the demo's night, as a small SVG.

python -m benchmarks.lib.night_picture     (make picture)
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from edge.bundle import load_bundle
from edge.pipeline import Pipeline
from edge.records import Event, Frame
from edge.synthesis import nursery_night
from edge.synthesis.night import Segment

PICTURE = Path(__file__).parents[2] / "docs" / "night.svg"
DEMO_S, DEMO_SEED = 600.0, 1  # of `make demo`
WIDTH, LEFT, RIGHT = 880, 64, 28  # px
LEVEL_TOP, LEVEL_HEIGHT, CRY_TOP, CRY_HEIGHT, TRUTH_TOP, HEIGHT = 44, 70, 134, 70, 224, 268
QUIETEST_DBFS = -70.0
COLUMN_S = 1.0  # of the drawing: the loudest and the likeliest of so many seconds
INK, FAINT, LEVEL, CRY, HEARD = "#24323d", "#8795a1", "#7fa3b5", "#b5473c", "#f4d9d3"


def main() -> None:
    """Listen to the night and draw it."""
    night = nursery_night(DEMO_S, DEMO_SEED)
    pipeline = Pipeline(load_bundle())
    records = pipeline.push(night.samples) + pipeline.finish()
    frames = [record for record in records if isinstance(record, Frame)]
    events = [record for record in records if isinstance(record, Event)]
    PICTURE.write_text(picture(frames, events, night.truth))


def picture(frames: Sequence[Frame], events: Sequence[Event], truth: Sequence[Segment]) -> str:
    """The SVG of a night of DEMO_S seconds."""
    level = columns([max(0.0, 1 - frame.level_dbfs / QUIETEST_DBFS) for frame in frames], frames)
    crying = columns([frame.cry_probability for frame in frames], frames)
    title = f"{DEMO_S / 60:g} minutes of a made-up night: {len(events)} cries were heard"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12" fill="{INK}">',
        '<rect width="100%" height="100%" rx="8" fill="#fbfaf7"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
        *(band(event) for event in events),
        label("level", LEVEL_TOP + LEVEL_HEIGHT / 2),
        f'<path d="{area(level, LEVEL_TOP, LEVEL_HEIGHT)}" fill="{LEVEL}"/>',
        label("p(cry)", CRY_TOP + CRY_HEIGHT / 2),
        f'<path d="{area(crying, CRY_TOP, CRY_HEIGHT)}" fill="{CRY}"/>',
        label("was true", TRUTH_TOP + 12),
        f'<text x="{WIDTH - RIGHT}" y="24" text-anchor="end" fill="{FAINT}">red: cries, grey: other sounds</text>',
        *(truth_mark(segment) for segment in truth),
        *(minute(number) for number in range(int(DEMO_S / 60) + 1)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def columns(values: Sequence[float], frames: Sequence[Frame]) -> np.ndarray:
    """The largest value in each COLUMN_S of the night."""
    found = np.zeros(int(DEMO_S / COLUMN_S))
    for value, frame in zip(values, frames, strict=True):
        column = min(len(found) - 1, int(frame.t_s / COLUMN_S))
        found[column] = max(found[column], value)
    return found


def x_of(t_s: float) -> float:
    """Pixels from the left."""
    return LEFT + t_s / DEMO_S * (WIDTH - LEFT - RIGHT)


def area(shares: np.ndarray, top: float, height: float) -> str:
    """Path of an area below shares 0..1 of a height."""
    bottom = top + height
    points = [f"{x_of(COLUMN_S * number):.0f} {bottom - share * height:.0f}" for number, share in enumerate(shares)]
    return f"M{LEFT} {bottom}L{' '.join(points)} {x_of(DEMO_S):.0f} {bottom}Z"


def band(event: Event) -> str:
    """What was heard, across both curves."""
    left, right = x_of(event.start_s), x_of(event.end_s)
    height = CRY_TOP + CRY_HEIGHT - LEVEL_TOP + 6
    return (
        f'<rect x="{left:.0f}" y="{LEVEL_TOP - 6}" width="{right - left:.0f}" height="{height}" fill="{HEARD}"/>'
        f'<text x="{(left + right) / 2:.0f}" y="{CRY_TOP - 8}" text-anchor="middle" fill="{CRY}">'
        f"{event.end_s - event.start_s:.0f} s</text>"
    )


def truth_mark(segment: Segment) -> str:
    """What made a sound, and when."""
    left, right, is_cry = x_of(segment.start_s), x_of(segment.end_s), segment.kind == "cry"
    y, colour = (TRUTH_TOP, CRY) if is_cry else (TRUTH_TOP + 10, FAINT)
    return f'<rect x="{left:.0f}" y="{y}" width="{max(2, right - left):.0f}" height="7" fill="{colour}">' + (
        f"<title>{segment.kind}</title></rect>"
    )


def minute(number: int) -> str:
    """A number below the curves."""
    return f'<text x="{x_of(60 * number):.0f}" y="{HEIGHT - 8}" text-anchor="middle" fill="{FAINT}">{number} min</text>'


def label(text: str, y: float) -> str:
    """Beside a curve."""
    return f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end" fill="{FAINT}">{text}</text>'


if __name__ == "__main__":
    main()
