"""The trade as a picture: false alarms a night over how long it takes until a cry is told."""

from edge.report.svg import BLUE, LEFT, RED, RIGHT, WIDTH, dot, label, line, linear_scale, polyline

HEIGHT, TOP, BOTTOM = 320, 40, 260  # px
INK = "#222"


def picture_of(choices, chosen=None) -> str:
    """An SVG file of its own. choices: edge.tuning.trade.Choice, those that found a cry are drawn; chosen: one of them,
    or None."""
    drawn = [choice for choice in choices if choice.delays_s]
    words = "False alarms a night against the delay of an alert, for each threshold"
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" role="img" aria-label="{}" '
        'font-family="sans-serif" font-size="12" color="{}"><rect width="100%" height="100%" fill="#fff"/>'.format(
            WIDTH, HEIGHT, WIDTH, words, INK
        ),
        "<title>{}</title>".format(words),
        label(LEFT, 20, words),
    ]
    if drawn:
        parts += _curve(drawn, chosen)
    else:
        parts.append(label(LEFT, (TOP + BOTTOM) / 2, "no marked cry was found: there is nothing to draw"))
    return "".join(parts) + "</svg>\n"


def _curve(drawn, chosen):
    longest_s = 1.1 * max(choice.delay_s(0.5) for choice in drawn) or 1.0
    most = 1.1 * max(choice.alarms_a_night for choice in drawn) or 1.0
    x, y = linear_scale(0.0, longest_s, LEFT, WIDTH - RIGHT), linear_scale(0.0, most, BOTTOM, TOP)
    places = [(x(choice.delay_s(0.5)), y(choice.alarms_a_night)) for choice in drawn]
    parts = [
        line(LEFT, BOTTOM, WIDTH - RIGHT, BOTTOM, INK),
        line(LEFT, TOP, LEFT, BOTTOM, INK),
        label(WIDTH - RIGHT, BOTTOM + 36, "seconds until a cry is told (median)", "end"),
        label(LEFT - 8, TOP - 6, "false alarms a night", "end"),
        polyline(places, BLUE),
    ]
    for share in (0.0, 0.5, 1.0):
        parts.append(label(x(share * longest_s), BOTTOM + 18, "{:.1f}".format(share * longest_s), "middle"))
        parts.append(label(LEFT - 8, y(share * most) + 4, "{:.2f}".format(share * most), "end"))
    for choice, (left, top) in zip(drawn, places):
        parts.append(dot(left, top, 5 if choice is chosen or choice.is_now else 3, RED if choice is chosen else BLUE))
        remarks = [text for text, holds in (("now", choice.is_now), ("chosen", choice is chosen)) if holds]
        parts.append(label(left + 7, top - 6, " ".join(["{:g}".format(choice.thresholds.open_threshold)] + remarks)))
    return parts
