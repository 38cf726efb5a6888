"""The night as a picture: level, crying, where it could not hear. It stretches to any screen; words stay beside it."""

import html
import time

from edge.report.night import DAY_S, HOUR_S, columns
from edge.report.page import folded, table

MOST_COLUMNS = 480  # marks of a timeline, however long it is
TICKS = 5
HEIGHT = 100  # of the picture's own coordinates; the style stretches it
MANY_HOURS = 96
LOWEST_DBFS, HIGHEST_DBFS = -80.0, -10.0
CRY_HEIGHT = 34  # of HEIGHT: the upper band, where crying stands
STYLE = """figure{margin:1rem 0}figure svg{display:block;width:100%;height:9rem;background:var(--soft)}
.bars svg{height:6rem}figcaption{font-size:.9rem;color:var(--quiet)}
.ticks{display:flex;justify-content:space-between;font-size:.8rem;color:var(--quiet)}
:root{--quiet:#666;--level:#8aa4bd;--cry:#c23b22;--gap:#d9c7a0;--pause:#b9b4d6}
@media(prefers-color-scheme:dark){:root{--quiet:#aaa;--level:#54708c;--cry:#ff8266;--gap:#6b5a31;--pause:#4c4770}}
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .8em;vertical-align:-.05em}
td:first-child{white-space:nowrap}
summary{min-height:1.6rem}
@media print{details{display:none}body{max-width:none;margin:0}figure{break-inside:avoid}}"""


def picture(shapes, words, wide, kind=""):
    """A figure: shapes in coordinates `wide` x HEIGHT, stretched; words: what a screen reader says of it."""
    return '<figure{}><svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'.format(
        ' class="{}"'.format(kind) if kind else "", wide, HEIGHT, html.escape(words, quote=True), "".join(shapes)
    )


def rectangle(x, y, width, height, colour):
    """A filled rectangle of the style's colour of that name."""
    return '<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="var(--{})"/>'.format(
        x, y, width, height, colour
    )


def ticks(texts):
    """Words under a picture, evenly spread."""
    return '<div class="ticks" aria-hidden="true">{}</div>'.format(
        "".join("<span>{}</span>".format(html.escape(text)) for text in texts)
    )


def timeline(a_night, minutes):
    """The figure of a Night and its minutes: its crying above, its level below, gaps and pauses in full height."""
    count = min(MOST_COLUMNS, max(1, int(a_night.span.seconds // 10)))
    shapes = [stretch(span, a_night.span, count, "gap") for span in a_night.gaps]
    shapes += [stretch(span, a_night.span, count, "pause") for span in a_night.pauses]
    for number, column in enumerate(columns(a_night, minutes, count)):
        if column.max_dbfs is not None:
            share = (column.max_dbfs - LOWEST_DBFS) / (HIGHEST_DBFS - LOWEST_DBFS)
            height = (HEIGHT - CRY_HEIGHT) * min(1.0, max(0.02, share))
            shapes.append(rectangle(number, HEIGHT - height, 1, height, "level"))
        if column.cry_s > 0.0:
            share = column.cry_s / column.span.seconds
            height = CRY_HEIGHT * max(0.2, min(1.0, share))
            shapes.append(rectangle(number, CRY_HEIGHT - height, 1, height, "cry"))
    begin, step = a_night.span.begin_utc, a_night.span.seconds / (TICKS - 1)
    form = "%H:%M" if a_night.span.seconds <= 2 * DAY_S else "%d %b"
    return "{}{}<figcaption>{}</figcaption></figure>".format(
        picture(shapes, "the night's level and crying; the table of cries says the same in words", count),
        ticks([time.strftime(form, time.localtime(begin + number * step)) for number in range(TICKS)]),
        key(("cry", "crying"), ("level", "how loud it was"), ("gap", "could not hear"), ("pause", "paused")),
    )


def stretch(span, whole, count, colour):
    """A Span of the whole one as a rectangle of full height, at least half a column wide."""
    scale = count / whole.seconds
    return rectangle((span.begin_utc - whole.begin_utc) * scale, 0, max(0.5, span.seconds * scale), HEIGHT, colour)


def key(*colours):
    """What the colours mean: (colour's name, words) each."""
    return " ".join(
        '<span><span class="key" style="background:var(--{})"></span>{}</span>'.format(colour, words)
        for colour, words in colours
    )


def bars(values, unheard, texts, words, unit):
    """The figure of a bar for each value, and the same as a table that opens.

    unheard: the share of each stretch in which it could not hear, 0 to 1, behind its bar: there, no crying is no quiet.
    texts: the name of each; words: of the whole.
    """
    highest = max(values) or 1.0
    shapes = [
        rectangle(number, HEIGHT * (1 - share), 1, HEIGHT * share, "gap")
        for number, share in enumerate(unheard)
        if share > 0.01
    ]
    shapes += [
        rectangle(number + 0.1, HEIGHT * (1 - value / highest), 0.8, HEIGHT * value / highest, "cry")
        for number, value in enumerate(values)
        if value > 0.0
    ]
    rows = [
        (text, "{:.0f}".format(value), "{:.0%}".format(share)) for text, value, share in zip(texts, values, unheard)
    ]
    return "{}{}<figcaption>{}, at most {:.0f} {}; {}</figcaption>{}</figure>".format(
        picture(shapes, words + "; the table below says the same in words", len(values), "bars"),
        ticks(evenly(texts)),
        html.escape(words),
        max(values),
        unit,
        key(("gap", "could not hear")),
        folded("The same as a table", table(("from", unit + " of crying", "not heard"), rows)),
    )


def evenly(texts, count=TICKS):
    """At most `count` of the texts, evenly spread, the first and the last among them."""
    if len(texts) <= count:
        return texts
    return [texts[int(round(number * (len(texts) - 1) / (count - 1)))] for number in range(count)]


def clock_of(utc):
    """Local time of day."""
    return time.strftime("%H:%M", time.localtime(utc))


def length_of(seconds):
    """Seconds as a person says them."""
    if seconds < 90:
        return "{:.0f} s".format(seconds)
    if seconds < HOUR_S:
        return "{:.0f} min".format(seconds / 60)
    hours, minutes = divmod(int(round(seconds / 60)), 60)
    if hours >= MANY_HOURS:
        return "{:.0f} days".format(hours / 24)
    return "{} h {:02d} min".format(hours, minutes)
