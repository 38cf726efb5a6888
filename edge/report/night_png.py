"""The night's picture as a PNG, by CairoSVG where it is installed."""

import re
import time

from edge.errors import UserError
from edge.report.night import columns
from edge.report.svg import LEFT, RIGHT, WIDTH, label, line, linear_scale, rectangle
from edge.report.timeline import HIGHEST_DBFS, LOWEST_DBFS, TICKS, length_of

HEIGHT, TOP, BOTTOM = 260, 46, 226  # px
CRY_BOTTOM = TOP + 60
SCALE = 2  # pixels for each
LEVEL, CRY, GAP, PAUSE, INK, GRID = "#8aa4bd", "#c23b22", "#d9c7a0", "#b9b4d6", "#222", "#bbb"


def night_png(a_night, minutes) -> bytes:
    """The file's bytes. Raises UserError where CairoSVG is not installed."""
    try:
        import cairosvg
    except (ImportError, OSError) as error:  # OSError: without libcairo2
        raise UserError(
            "a .png needs CairoSVG ({}): pip install cairosvg, and Debian's libcairo2; or give --out night.html".format(
                error
            )
        ) from error
    return cairosvg.svg2png(
        bytestring=night_svg(a_night, minutes).encode("utf-8"), scale=SCALE, background_color="white"
    )


def night_svg(a_night, minutes) -> str:
    """The picture as an SVG file of its own, in light colours."""
    count = WIDTH - LEFT - RIGHT
    x = linear_scale(a_night.span.begin_utc, a_night.span.end_utc, LEFT, WIDTH - RIGHT)
    y = linear_scale(LOWEST_DBFS, HIGHEST_DBFS, BOTTOM, CRY_BOTTOM)
    shapes = [stretch(span, x, GAP) for span in a_night.gaps] + [stretch(span, x, PAUSE) for span in a_night.pauses]
    for column in columns(a_night, minutes, count):
        left = x(column.span.begin_utc)
        if column.max_dbfs is not None:
            top = y(min(HIGHEST_DBFS, max(LOWEST_DBFS + 1, column.max_dbfs)))
            shapes.append(rectangle(left, top, 1, BOTTOM - top, LEVEL))
        if column.cry_s > 0.0:
            shapes.append(rectangle(left, TOP, 1, CRY_BOTTOM - TOP - 6, CRY))
    begin, step_s = a_night.span.begin_utc, a_night.span.seconds / (TICKS - 1)
    for number in range(TICKS):
        utc = begin + number * step_s
        shapes.append(label(x(utc), BOTTOM + 18, time.strftime("%H:%M", time.localtime(utc)), "middle"))
    shapes += [
        line(LEFT, BOTTOM, WIDTH - RIGHT, BOTTOM, GRID),
        label(LEFT - 8, TOP + 30, "crying", "end"),
        label(LEFT - 8, y(-45), "level, dBFS", "end"),
        label(LEFT, 24, "{}: heard {}, {} cries, {} of crying".format(
            time.strftime("%d %B %Y", time.localtime(a_night.span.end_utc)), length_of(a_night.heard_s),
            len(a_night.events), length_of(a_night.cry_s))),
    ]  # fmt: skip
    if a_night.gaps:
        shapes.append(label(WIDTH - RIGHT, 24, "shaded: could not hear", "end"))
    drawn = re.sub("currentColor|var\\(--[a-z]+\\)", INK, "".join(shapes))
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" {2}>{3}</svg>'.format(
            WIDTH, HEIGHT, 'font-family="sans-serif" font-size="12"', drawn
        )
    )


def stretch(span, x, colour):
    """A Span in full height."""
    return rectangle(x(span.begin_utc), TOP, max(1.0, x(span.end_utc) - x(span.begin_utc)), BOTTOM - TOP, colour)
