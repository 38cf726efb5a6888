"""The HTML page of edge-bench."""

import html
import math

from edge.bench import text
from edge.bench.paths import PATHS
from edge.report import page as report_page
from edge.report.svg import (
    AXIS,
    BLUE,
    GREEN,
    LEFT,
    ORANGE,
    RIGHT,
    TEXT,
    WIDTH,
    curve,
    decades,
    dot,
    label,
    limit_line,
    line,
    log_scale,
    rectangle,
    svg,
)

COLOURS = {"quiet": GREEN, "listening": BLUE, "crying": ORANGE}
STAGE_HEIGHT, BARS = 30, 90
TIMELINE_HEIGHT, TIMELINE_BINS = 220, 600
LOWEST_MS = 0.001


def page(result, passes):
    """The page of a result. passes: the PathTimings of its rounds, or the one of a soak. Returns text."""
    budget_ms = result["budget_ms"]
    body = [verdict(result)]
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
    return report_page.page("edge-bench: {}".format(result["bundle"]), body)


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


def distribution(stages, timings, budget_ms, colour):
    """A histogram of each stage's milliseconds on one logarithmic axis, p50 and p99 marked, the budget a line."""
    durations = {stage: [1e3 * s for one in timings for s in one.durations_s(stage)] for stage in stages}
    highest = max([2.0 * budget_ms] + [max(values) for values in durations.values() if values])
    x = log_scale(LOWEST_MS, highest, LEFT, WIDTH - RIGHT)
    height = STAGE_HEIGHT * len(stages) + 30
    parts = []
    for tick in decades(LOWEST_MS, highest):
        parts.append(line(x(tick), 5, x(tick), height - 25))
        parts.append(label(x(tick), height - 10, "{:g} ms".format(tick), "middle"))
    for number, stage in enumerate(stages):
        base = STAGE_HEIGHT * (number + 1)
        parts.append(label(LEFT - 8, base - 4, stage, "end"))
        parts.append(line(LEFT, base, WIDTH - RIGHT, base, AXIS))
        parts += histogram(durations[stage], x, base, colour)
    parts.append(limit_line(x(budget_ms), 0, x(budget_ms), height - 25))
    parts.append(label(x(budget_ms) + 4, 12, "{:g} ms".format(budget_ms), "start"))
    return svg(height, parts)


def histogram(values, x, base, colour):
    """Bars over `base`, and marks at p50 and p99."""
    if not values:
        return []
    counts = {}
    width = (WIDTH - RIGHT - LEFT) / float(BARS)
    for value in values:
        bar = min(BARS - 1, int((x(value) - LEFT) / width))
        counts[bar] = counts.get(bar, 0) + 1
    tallest = float(max(counts.values()))
    parts = []
    for bar, count in sorted(counts.items()):
        tall = max(1.0, (STAGE_HEIGHT - 8) * count / tallest)
        parts.append(rectangle(LEFT + bar * width, base - tall, width, tall, colour))
    ordered = sorted(values)
    for percent, dash in ((50, ""), (99, "2,2")):
        place = x(ordered[int((len(ordered) - 1) * percent / 100)])
        parts.append(line(place, base - STAGE_HEIGHT + 6, place, base, TEXT, dash))
    return parts


def timeline(hops, budget_ms):
    """The longest hop of each short stretch, in the colour of its path; the budget a line."""
    highest = max([2.0 * budget_ms] + [1e3 * seconds for _, seconds in hops])
    y = log_scale(0.01, highest, TIMELINE_HEIGHT - 20, 8)
    per_bin = max(1, int(math.ceil(len(hops) / float(TIMELINE_BINS))))
    bins = [hops[first : first + per_bin] for first in range(0, len(hops), per_bin)]
    width = (WIDTH - RIGHT - LEFT) / float(len(bins))
    parts = []
    for tick in decades(0.01, highest):
        parts += [
            line(LEFT, y(tick), WIDTH - RIGHT, y(tick)),
            label(LEFT - 8, y(tick) + 4, "{:g} ms".format(tick), "end"),
        ]
    for number, stretch in enumerate(bins):
        path, seconds = max(stretch, key=lambda hop: hop[1])
        parts.append(dot(LEFT + (number + 0.5) * width, y(1e3 * seconds), 1.6, COLOURS[path]))
    parts.append(limit_line(LEFT, y(budget_ms), WIDTH - RIGHT, y(budget_ms)))
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


def legend():
    """Which colour is which path."""
    return "<p>{} &middot; the red line is the budget</p>".format(
        " &middot; ".join(
            '<span style="color:{}">&#9679; {}</span>'.format(colour, path) for path, colour in COLOURS.items()
        )
    )
