"""`cry-monitor events`: what was written down."""

import argparse
import csv
import re
import sys
import time
from datetime import datetime, timedelta, timezone

from edge.arguments import path_name
from edge.commands.lines import print_line, print_object
from edge.errors import print_error
from edge.log import iso_utc
from edge.sinks.words import cause_text
from edge.store import BRIEF, CUT_OFF, OPEN, Store, StoredEvent
from edge.text import printable

UNITS_S = {"m": 60, "h": 3600, "d": 86400}
# As people write it, and as our own log, tables and JSON do: 2026-11-21T20:00:00.250Z, 2026-11-21 20:00:00,250 UTC.
MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?)? ?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)
CSV_COLUMNS = [name for name in StoredEvent._fields if name not in ("posterior", "readings")]
STATES = {OPEN: "going on", BRIEF: "brief", CUT_OFF: "cut off: the monitor died"}


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "events",
        help="list the events in the database",
        description="List the crying events in the database. Text is in local time; JSON and CSV are in UTC. "
        "The JSON lines are described in docs/schemas/events.schema.json.",
    )
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=since_utc,
        default=0.0,
        help="only what ended after 2026-11-21T20:00 (local time; with a Z, UTC), or in the "
        "last 30m, 12h or 7d (default: everything)",
    )
    parser.add_argument(
        "--db", metavar="FILE", type=path_name, help="the database (default: the one that `cry-monitor run` writes)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object per event")
    form.add_argument("--csv", action="store_true", help="print CSV with a header")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the events; 1 when there are rows that could not be read. Raises UserError when there is no database."""
    with Store(args.db, read_only=True) as store:
        events = store.events(args.since)
    if args.json:
        for event in events:
            readings = [dict(reading._asdict()) for reading in event.readings]
            print_object(dict(_in_utc(event)._asdict(), type="event", readings=readings))
    elif args.csv:
        _print_csv(events)
    else:
        _print_table(events)
    for line in store.damaged:
        print_error(line)
    return 1 if store.damaged else 0


def since_utc(text: str) -> float:
    """Seconds since 1970 of a moment or of so long ago. Raises ArgumentTypeError for anything else."""
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text, re.ASCII)
    if ago:
        return time.time() - int(ago.group(1)) * UNITS_S[ago.group(2)]
    moment = MOMENT.fullmatch(text)
    if moment:
        try:
            return _utc(*moment.groups())
        except (ValueError, OverflowError):  # the 31st of February, the year 0
            pass
    raise argparse.ArgumentTypeError("{!r} is no time: use 2026-11-21T20:00, 30m, 12h or 7d".format(text))


def _utc(day, clock, fraction, zone):
    """Seconds since 1970; without a zone, of the local time."""
    clock = clock or "00:00"
    form = "%Y-%m-%d %H:%M:%S" if clock.count(":") == 2 else "%Y-%m-%d %H:%M"
    moment = datetime.strptime("{} {}".format(day, clock), form)
    if zone:
        hours, minutes = (int(zone[1:3]), int(zone[-2:])) if zone[0] in "+-" else (0, 0)
        ahead = timedelta(hours=hours, minutes=minutes)
        moment = moment.replace(tzinfo=timezone.utc) - (-ahead if zone[0] == "-" else ahead)
    return moment.timestamp() + float("0." + (fraction or "0"))


def _in_utc(event):
    return event._replace(start_utc=iso_utc(event.start_utc), end_utc=iso_utc(event.end_utc))


def _print_csv(events):
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for event in events:
        fields = _in_utc(event)._asdict()
        cells = [fields[name] for name in CSV_COLUMNS]
        writer.writerow([printable(cell) if isinstance(cell, str) else cell for cell in cells])


def _print_table(events):
    if not events:
        print("no events")
        return
    print("{:>6}  {:<21}{:<11}{:>9}{:>8}".format("EVENT", "BEGAN", "ENDED", "LASTED", "P(CRY)"))
    for event in events:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.start_utc))
        ended = time.strftime("%H:%M:%S", time.localtime(event.end_utc))
        lasted = "{:.1f} s".format(event.end_utc - event.start_utc)
        marked = "marked: {}".format(event.mark) if event.mark else ""
        remarks = ", ".join(filter(None, (cause_text(event)[2:], STATES.get(event.state), marked)))
        row = "{:>6}  {:<21}{:<11}{:>9}{:>8.2f}  {}".format(
            event.id, began, ended, lasted, event.cry_probability, remarks
        )
        print_line(row.rstrip())
