"""The HTML page of edge-bench: one file, inline SVG, no script, nothing loaded from anywhere."""

import html
import math

from edge.bench import text
from edge.bench.paths import PATHS

COLOURS = {"quiet": "#4a7", "listening": "#47b", "crying": "#c63"}
PLOT_WIDTH, LEFT, RIGHT = 760, 130, 20
STAGE_HEIGHT, BARS = 30, 90
TIMELINE_HEIGHT, TIMELINE_BINS = 220, 600
LOWEST_MS = 0.001

STYLE = """body{font:15px/1.45 system-ui,sans-serif;max-width:820px;margin:2em auto;padding:0 1em;color:#222}
pre{font-size:12.5px;overflow-x:auto;background:#f6f6f4;padding:1em}svg{width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:#444}.bad{color:#b00;font-weight:600}.good{color:#270}"""


def page(result, passes):
    """The page of a result. passes: the PathTimings of its rounds, or the one of a soak. Returns text."""
    budget_ms = result["budget_ms"]
    body = ["<h1>edge-bench: {}</h1>".format(html.escape(result["bundle"])), verdict(result)]
    for path in PATHS:
        timings = [one.paths[path] for one in passes]
        stages = [row["stage"] for row in result["paths"].get(path, [])]
        if stages:
            body.append("<h2>{}</h2>".format(html.escape(text.ABOUT[path])))
            body.append(distribution(stages, timings, budget_ms, COLOURS[path]))
    hops = [hop for one in passes for hop in one.timeline]
    if hops and not result.get("soak"):
        body += ["<h2>Each hop of 0.2 s, in order</h2>", legend(), timeline(hops, budget_ms)]
    if result.get("soak"):
        body += ["<h2>Over the hours</h2>"] + soak_plots(result["soak"], budget_ms)
    body += ["<h2>Figures</h2>", "<pre>{}</pre>".format(html.escape("\n".join(text.report(result))))]
    return (
        "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8><title>edge-bench {}</title><style>{}</style>\n{}\n"
        "</html>\n"
    ).format(html.escape(result["bundle"]), STYLE, "\n".join(body))


def verdict(result):
    """One line: the frame against the budget, and whether the run was disturbed."""
    frame = result["stages"][-1]
    kept = frame["p99_ms"] <= result["budget_ms"]
    parts = [
        "<p><span class={}>p99 of a frame {:.2f} ms of {:g} ms</span>, {} missed deadlines.".format(
            "good" if kept else "bad", frame["p99_ms"], result["budget_ms"], result["missed_deadlines"]
        )
    ]
    if result["disturbed"]:
        parts.append("<span class=bad>Disturbed: {}.</span>".format(html.escape("; ".join(result["disturbed"]))))
    return " ".join(parts) + "</p>"


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


def distribution(stages, timings, budget_ms, colour):
    """A histogram of each stage's milliseconds on one logarithmic axis, p50 and p99 marked, the budget a line."""
    durations = {stage: [1e3 * s for one in timings for s in one.durations_s(stage)] for stage in stages}
    highest = max([2.0 * budget_ms] + [max(values) for values in durations.values() if values])
    x = log_scale(LOWEST_MS, highest, LEFT, PLOT_WIDTH - RIGHT)
    height = STAGE_HEIGHT * len(stages) + 30
    parts = []
    for tick in decades(LOWEST_MS, highest):
        parts.append(line(x(tick), 5, x(tick), height - 25, "#ddd"))
        parts.append(label(x(tick), height - 10, "{:g} ms".format(tick), "middle"))
    for number, stage in enumerate(stages):
        base = STAGE_HEIGHT * (number + 1)
        parts.append(label(LEFT - 8, base - 4, stage, "end"))
        parts.append(line(LEFT, base, PLOT_WIDTH - RIGHT, base, "#ccc"))
        parts += histogram(durations[stage], x, base, colour)
    parts.append(budget_line(x(budget_ms), 0, x(budget_ms), height - 25))
    parts.append(label(x(budget_ms) + 4, 12, "{:g} ms".format(budget_ms), "start"))
    return svg(height, parts)


def histogram(values, x, base, colour):
    """Bars over `base`, and marks at p50 and p99."""
    if not values:
        return []
    counts = {}
    width = (PLOT_WIDTH - RIGHT - LEFT) / float(BARS)
    for value in values:
        bar = min(BARS - 1, int((x(value) - LEFT) / width))
        counts[bar] = counts.get(bar, 0) + 1
    tallest = float(max(counts.values()))
    parts = []
    for bar, count in sorted(counts.items()):
        tall = max(1.0, (STAGE_HEIGHT - 8) * count / tallest)
        parts.append(
            '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>'.format(
                LEFT + bar * width, base - tall, width, tall, colour
            )
        )
    ordered = sorted(values)
    for percent, dash in ((50, ""), (99, "2,2")):
        place = x(ordered[int((len(ordered) - 1) * percent / 100)])
        parts.append(line(place, base - STAGE_HEIGHT + 6, place, base, "#222", dash))
    return parts


def timeline(hops, budget_ms):
    """The longest hop of each short stretch, in the colour of its path; the budget a line."""
    highest = max([2.0 * budget_ms] + [1e3 * seconds for _, seconds in hops])
    y = log_scale(0.01, highest, TIMELINE_HEIGHT - 20, 8)
    per_bin = max(1, int(math.ceil(len(hops) / float(TIMELINE_BINS))))
    bins = [hops[first : first + per_bin] for first in range(0, len(hops), per_bin)]
    width = (PLOT_WIDTH - RIGHT - LEFT) / float(len(bins))
    parts = []
    for tick in decades(0.01, highest):
        parts += [
            line(LEFT, y(tick), PLOT_WIDTH - RIGHT, y(tick), "#ddd"),
            label(LEFT - 8, y(tick) + 4, "{:g} ms".format(tick), "end"),
        ]
    for number, stretch in enumerate(bins):
        path, seconds = max(stretch, key=lambda hop: hop[1])
        parts.append(
            '<circle cx="{:.1f}" cy="{:.1f}" r="1.6" fill="{}"/>'.format(
                LEFT + (number + 0.5) * width, y(1e3 * seconds), COLOURS[path]
            )
        )
    parts.append(budget_line(LEFT, y(budget_ms), PLOT_WIDTH - RIGHT, y(budget_ms)))
    return svg(TIMELINE_HEIGHT, parts)


def soak_plots(samples, budget_ms):
    """p99, memory and temperature over time; what the board does not tell is left out."""
    plots = []
    for field, title, bound in (
        ("p99_ms", "p99 of a hop, ms", budget_ms),
        ("memory_mb", "memory, MB", None),
        ("temperature_c", "temperature, C", None),
        ("clock_mhz", "clock, MHz", None),
    ):
        points = [(one["t_s"] / 60.0, one[field]) for one in samples if one[field] is not None]
        if points:
            plots += ["<h3>{}</h3>".format(title), curve(points, bound)]
    return plots


def curve(points, bound):
    """A line through points (minutes, value) over an axis from 0; bound: drawn as a line, or None."""
    highest = 1.05 * max([value for _, value in points] + [bound or 0.0, 1e-9])
    last = max(minutes for minutes, _ in points) or 1.0
    height = 160

    def place(minutes, value):
        return (LEFT + (PLOT_WIDTH - RIGHT - LEFT) * minutes / last, (height - 25) - (height - 35) * value / highest)

    parts = [
        line(LEFT, height - 25, PLOT_WIDTH - RIGHT, height - 25, "#ccc"),
        label(LEFT - 8, place(0, highest / 1.05)[1] + 4, "{:.4g}".format(highest / 1.05), "end"),
        label(LEFT - 8, height - 21, "0", "end"),
        label(PLOT_WIDTH - RIGHT, height - 8, "{:.4g} min".format(last), "end"),
    ]
    path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    parts.append('<polyline points="{}" fill="none" stroke="#47b" stroke-width="1.5"/>'.format(path))
    if bound:
        parts.append(budget_line(LEFT, place(0, bound)[1], PLOT_WIDTH - RIGHT, place(0, bound)[1]))
    return svg(height, parts)


def legend():
    """Which colour is which path."""
    return "<p>{} &middot; the red line is the budget</p>".format(
        " &middot; ".join(
            '<span style="color:{}">&#9679; {}</span>'.format(colour, path) for path, colour in COLOURS.items()
        )
    )


def svg(height, parts):
    """An SVG picture of these parts."""
    return '<svg viewBox="0 0 {} {}" role="img">{}</svg>'.format(PLOT_WIDTH, height, "".join(parts))


def line(x1, y1, x2, y2, colour, dash=""):
    """A line."""
    return '<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}"{}/>'.format(
        x1, y1, x2, y2, colour, ' stroke-dasharray="{}"'.format(dash) if dash else ""
    )


def budget_line(x1, y1, x2, y2):
    """The line of the budget."""
    return line(x1, y1, x2, y2, "#c00").replace("<line", '<line class="budget" stroke-width="1.5"')


def label(x, y, words, anchor):
    """Text at a place."""
    return '<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>'.format(x, y, anchor, html.escape(words))
