"""`cry-monitor report`: the night as a page, a picture, a table or JSON."""

import csv
import io
import json
import os
import time

from edge.arguments import path_name
from edge.commands.events import since_utc
from edge.commands.lines import print_line
from edge.errors import UserError
from edge.files import write_whole
from edge.log import iso_utc
from edge.report.night import DAY_S, HOUR_S, cry_seconds, night
from edge.store import Store

FORMATS = (".html", ".png", ".csv", ".json")
DEFAULT_OUT = "night.html"
AT_ONCE_S = 30 * DAY_S  # of a table
DESCRIPTION = """Draw what was heard: the level and the crying over time, each cry, minutes of crying an hour, by day
and week where there are many, and every stretch in which the monitor could not hear. The form is the ending of
--out: .html is one page that needs nothing else and asks nobody for anything, .png its picture, .csv a line a minute,
.json all of it (docs/schemas/report.schema.json)."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("report", help="draw the night as a page", description=DESCRIPTION)
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=since_utc,
        help="as for events: 2026-11-21T20:00 (local time; with a Z, UTC), or the last 30m, 12h or 7d (default: 24h)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=path_name,
        default=DEFAULT_OUT,
        help="what to write; its ending is one of {} (default: {})".format(", ".join(FORMATS), DEFAULT_OUT),
    )
    parser.add_argument(
        "--db", metavar="FILE", type=path_name, help="the database (default: the one that `cry-monitor run` writes)"
    )
    parser.set_defaults(run=run)


def run(args) -> int:
    """Write the report. Raises UserError when there is no database or no such place."""
    ending = os.path.splitext(args.out)[1].lower()
    if ending not in FORMATS:
        raise UserError("--out {}: its ending says the form, one of {}".format(args.out, ", ".join(FORMATS)))
    now_utc = time.time()
    begin_utc = now_utc - DAY_S if args.since is None else args.since
    with Store(args.db, read_only=True) as store:
        whole = night(store, begin_utc, now_utc)
        newest = whole if whole.span.seconds <= 2 * DAY_S else night(store, now_utc - DAY_S, now_utc)
        if ending == ".csv":
            write(args.out, csv_lines(store, whole.span))
        else:
            write(args.out, [content(ending, whole, newest, store.minutes(newest.span.begin_utc, now_utc))])
    print_line("wrote {}: {}, {} cries".format(args.out, span_text(whole.span), len(whole.events)))
    return 0


def content(ending, whole, newest, minutes) -> bytes:
    """The file's bytes."""
    if ending == ".html":
        from edge.report.night_page import night_page

        return night_page(whole, newest, minutes).encode("utf-8")
    if ending == ".png":
        from edge.report.night_png import night_png

        return night_png(newest, minutes)
    return (json.dumps(as_object(whole), indent=1) + "\n").encode("utf-8")


def csv_lines(store, span):
    """Yield a line for each minute of listening, as bytes: some days at a time, for a year is half a million."""
    yield b"start_utc,heard_s,cry_s,mean_dbfs,max_dbfs\n"
    begin_utc = span.begin_utc
    while begin_utc < span.end_utc:
        until_utc = min(begin_utc + AT_ONCE_S, span.end_utc)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        for one in store.minutes(begin_utc, until_utc):
            writer.writerow((iso_utc(one.start_utc), one.duration_s, one.cry_s, one.mean_dbfs, one.max_dbfs))
        yield out.getvalue().encode("utf-8")
        begin_utc = until_utc


def as_object(a_night) -> dict:
    """All of it, for other programs."""
    span = a_night.span
    count = max(1, int(-(-span.seconds // HOUR_S)))
    cries_s = cry_seconds(a_night.events, span, HOUR_S, count)
    return {
        "type": "report",
        "begin_utc": iso_utc(span.begin_utc),
        "end_utc": iso_utc(span.end_utc),
        "heard_s": round(a_night.heard_s, 1),
        "cry_s": round(a_night.cry_s, 1),
        "gaps": [span_object(gap) for gap in a_night.gaps],
        "pauses": [span_object(pause) for pause in a_night.pauses],
        "events": [
            {
                "start_utc": iso_utc(event.start_utc),
                "end_utc": iso_utc(event.end_utc),
                "cry_probability": event.cry_probability,
                "cause": event.cause,
                "mark": event.mark,
            }
            for event in a_night.events
        ],
        "hours": [
            {"begin_utc": iso_utc(span.begin_utc + number * HOUR_S), "cry_s": round(seconds, 1)}
            for number, seconds in enumerate(cries_s)
        ],
    }


def span_object(span) -> dict:
    """A stretch of time for JSON."""
    return {"begin_utc": iso_utc(span.begin_utc), "end_utc": iso_utc(span.end_utc)}


def span_text(span) -> str:
    """A stretch of time, local."""
    form = "%Y-%m-%d %H:%M"
    return "{} to {}".format(*[time.strftime(form, time.localtime(utc)) for utc in span])


def write(path, parts) -> None:
    """Write a whole file, of parts in bytes, or none. Raises UserError."""
    if os.path.exists(path) and not os.path.isfile(path):  # a device would be replaced by a file
        raise UserError("--out {}: is there and is no file: give another place".format(path))
    try:
        write_whole(path, parts)
    except OSError as error:
        raise UserError(
            "--out {}: cannot be written ({}): give another place".format(path, error.strerror or error)
        ) from error
