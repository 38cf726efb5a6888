"""Inline SVG: shapes, axes, and the pictures that several pages have."""

import html
import math

WIDTH, LEFT, RIGHT = 760, 130, 20  # px: of a picture, and of its margins
TEXT, GRID, AXIS = "currentColor", "var(--grid)", "var(--axis)"
BLUE, GREEN, ORANGE, RED = "#47b", "#4a7", "#c63", "#c00"


def svg(height, parts, title=""):
    """A picture of these parts, WIDTH wide; title: what a screen reader says of it."""
    return '<svg viewBox="0 0 {} {}" role="img"{}>{}</svg>'.format(
        WIDTH, height, ' aria-label="{}"'.format(html.escape(title)) if title else "", "".join(parts)
    )


def line(x1, y1, x2, y2, colour=GRID, dash=""):
    """A line."""
    return '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"{}/>'.format(
        x1, y1, x2, y2, colour, ' stroke-dasharray="{}"'.format(dash) if dash else ""
    )


def limit_line(x1, y1, x2, y2):
    """The line of a budget or bound."""
    return line(x1, y1, x2, y2, RED).replace("<line", '<line class="budget" stroke-width="1.5"')


def label(x, y, words, anchor="start"):
    """Text at a place; anchor: start, middle or end."""
    return '<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'.format(x, y, anchor, html.escape(words))


def rectangle(x, y, width, height, colour):
    """A filled rectangle."""
    return '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>'.format(x, y, width, height, colour)


def dot(x, y, radius, colour):
    """A filled circle."""
    return '<circle cx="{:.1f}" cy="{:.1f}" r="{:g}" fill="{}"/>'.format(x, y, radius, colour)


def polyline(points, colour):
    """A line through (x, y) points."""
    path = " ".join("{:.1f},{:.1f}".format(x, y) for x, y in points)
    return '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.5"/>'.format(path, colour)


def linear_scale(lowest, highest, begin, end):
    """A function from a value to its place between begin and end."""
    width = (highest - lowest) or 1.0
    return lambda value: begin + (value - lowest) / width * (end - begin)


def log_scale(lowest, highest, begin, end):
    """A function from a value to its place between begin and end, logarithmic; what lies outside is held at them."""

    def place(value):
        share = math.log(max(value, lowest) / lowest) / math.log(highest / lowest)
        return begin + min(1.0, max(0.0, share)) * (end - begin)

    return place


def decades(lowest, highest):
    """Powers of ten from lowest to highest."""
    first, last = math.ceil(math.log10(lowest) - 1e-9), math.floor(math.log10(highest) + 1e-9)
    return [10.0**power for power in range(int(first), int(last) + 1)]


def curve(points, bound=None, unit="min", height=160):
    """A line through points (x, value) over an axis from 0; bound: drawn as a line, or None."""
    highest = 1.05 * max([value for _, value in points] + [bound or 0.0, 1e-9])
    last = max(x for x, _ in points) or 1.0
    x, y = linear_scale(0, last, LEFT, WIDTH - RIGHT), linear_scale(0, highest, height - 25, 10)
    parts = [
        line(LEFT, height - 25, WIDTH - RIGHT, height - 25, AXIS),
        label(LEFT - 8, y(highest / 1.05) + 4, "{:.4g}".format(highest / 1.05), "end"),
        label(LEFT - 8, height - 21, "0", "end"),
        label(WIDTH - RIGHT, height - 8, "{:.4g} {}".format(last, unit), "end"),
        polyline([(x(a), y(b)) for a, b in points], BLUE),
    ]
    if bound:
        parts.append(limit_line(LEFT, y(bound), WIDTH - RIGHT, y(bound)))
    return svg(height, parts)


def scatter(points, x_name, y_name, height=220):
    """Dots at (x, y) around y = 0, what is not finite left out; an empty text without any."""
    known = [(x, y) for x, y in points if x is not None and y is not None]
    if not known:
        return ""
    lowest, highest = min(x for x, _ in known), max(x for x, _ in known)
    top = max(abs(y) for _, y in known) or 1.0
    x, y = linear_scale(lowest, highest, LEFT, WIDTH - RIGHT), linear_scale(-top, top, height - 30, 10)
    parts = [line(LEFT, y(0), WIDTH - RIGHT, y(0), AXIS)]
    parts += [dot(x(a), y(b), 1.8, BLUE) for a, b in known]
    parts += [label(LEFT - 8, y(value) + 4, "{:+.1e}".format(value), "end") for value in (-top, top)]
    parts += [label(x(value), height - 8, "{:.1f}".format(value), "middle") for value in (lowest, highest)]
    parts.append(label((LEFT + WIDTH - RIGHT) / 2, height - 8, "{}; up: {}".format(x_name, y_name), "middle"))
    return svg(height, parts, "{} over {}".format(y_name, x_name))
