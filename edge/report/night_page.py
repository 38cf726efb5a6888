"""`cry-monitor report` as one HTML page: the night's picture, each cry, the hours, the trend, and what it all means."""

import html
import time

from edge.report.night import DAY_S, HOUR_S, cry_seconds, unheard_shares
from edge.report.page import heading, page, paragraph, table
from edge.report.timeline import STYLE, bars, clock_of, length_of, timeline

LONG_S = 2 * DAY_S  # from so long on the trend by days matters, and the picture is of the last day
MOST_EVENTS = 200  # rows of the table: the newest
MARKED = {"cry": "a cry", "other": "something else"}
MOST_DAYS = 60  # bars by day; more are drawn by week
WHAT_IT_MEANS = (
    "Crying is what the monitor's models took for it: they miss some cries and take some other sounds for one. How "
    "many of each, on recordings that they had never heard, stands in the project's results, with intervals.",
    "The probability is how sure they were at the surest moment of a cry, not how loud or how bad it was.",
    "Why a baby cries cannot be heard: no cause is named unless it could be told of babies that the models never "
    "heard, and with the models that ship none is.",
    "Where it could not hear, nothing is known: it is no quiet.",
)


def night_page(whole, newest, minutes):
    """The page. whole: the Night of all that is asked for; newest: of its last day, or the same; minutes: of that."""
    title = "Night of {}".format(time.strftime("%d %B %Y", time.localtime(newest.span.end_utc)))
    if newest is not whole:
        title = "{} to {}".format(date_of(whole.span.begin_utc), date_of(whole.span.end_utc))
    parts = [summary(whole), deafness(whole)]
    if newest is not whole:
        parts += [trend(whole), heading("The last day")]
    parts += [timeline(newest, minutes), hours(newest), heading("Each cry"), cries(whole.events)]
    parts += [heading("What the figures mean")] + [paragraph(text) for text in WHAT_IT_MEANS]
    return page(title, parts, STYLE)


def summary(a_night):
    """How much crying, how long it was listened to."""
    if not a_night.heard_s and not a_night.events:
        return paragraph("Nothing was recorded in this time.")
    longest = max(a_night.events, key=lambda event: event.end_utc - event.start_utc, default=None)
    text = "Heard {} of {}. ".format(length_of(a_night.heard_s), length_of(a_night.span.seconds))
    if longest is None:
        return paragraph(text + "No crying.")
    count = len(a_night.events)
    return paragraph(
        text
        + "{} cr{}, {} of crying together; the longest {} from {}.".format(
            count,
            "y" if count == 1 else "ies",
            length_of(a_night.cry_s),
            length_of(longest.end_utc - longest.start_utc),
            (clock_of if a_night.span.seconds <= LONG_S else moment)(longest.start_utc),
        )
    )


def deafness(a_night):
    """When it could not hear, and when it was paused."""
    texts = []
    for spans, words in (
        (a_night.gaps, "It could not hear for {}: {}."),
        (a_night.pauses, "It was paused for {}: {}."),
    ):
        if spans:
            listed = ", ".join("{} to {}".format(moment(span.begin_utc), clock_of(span.end_utc)) for span in spans[-6:])
            more = "" if len(spans) <= 6 else "{} times, the last ones ".format(len(spans))
            texts.append(paragraph(words.format(length_of(sum(s.seconds for s in spans)), more + listed), "bad"))
    return "".join(texts)


def hours(a_night):
    """Minutes of crying in each hour."""
    count = max(1, int(-(-a_night.span.seconds // HOUR_S)))
    if not a_night.events or count > LONG_S / HOUR_S:
        return ""
    minutes = [s / 60 for s in cry_seconds(a_night.events, a_night.span, HOUR_S, count)]
    texts = [clock_of(a_night.span.begin_utc + number * HOUR_S) for number in range(count)]
    return bars(minutes, unheard_shares(a_night, HOUR_S, count), texts, "minutes of crying in each hour", "min")


def trend(a_night):
    """Minutes of crying by day, or by week where there are many days."""
    step_s = DAY_S if a_night.span.seconds <= MOST_DAYS * DAY_S else 7 * DAY_S
    count = max(1, int(-(-a_night.span.seconds // step_s)))
    minutes = [s / 60 for s in cry_seconds(a_night.events, a_night.span, step_s, count)]
    texts = [date_of(a_night.span.begin_utc + number * step_s) for number in range(count)]
    words = "minutes of crying by " + ("day" if step_s == DAY_S else "week")
    return bars(minutes, unheard_shares(a_night, step_s, count), texts, words, "min")


def cries(events):
    """The table of cries, the newest last."""
    if not events:
        return paragraph("None.")
    rows = [
        [
            moment(event.start_utc),
            length_of(event.end_utc - event.start_utc),
            "{:.2f}".format(event.cry_probability),
            event.cause or ("uncertain" if event.was_asked else "not asked"),
            MARKED.get(event.mark, ""),
        ]
        for event in events[-MOST_EVENTS:]
    ]
    left_out = len(events) - len(rows)
    note = paragraph("{} earlier ones are left out; cry-monitor events lists all.".format(left_out)) if left_out else ""
    return table(("began", "lasted", "probability", "cause", "marked"), rows) + note


def moment(utc):
    """Local date and time of day."""
    return html.escape(time.strftime("%d %b %H:%M", time.localtime(utc)))


def date_of(utc):
    """Local date."""
    return time.strftime("%d %b %Y", time.localtime(utc))
