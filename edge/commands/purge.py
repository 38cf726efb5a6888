"""`cry-monitor purge`: removes what was written down."""

import sys

from edge.arguments import path_name
from edge.commands.events import since_utc
from edge.commands.lines import print_line, print_object
from edge.errors import UserError
from edge.learning.marked_file import forget, settle
from edge.store import Store
from edge.store.database import ALL
from edge.text import printable, text_of

BUSY_S = 10.0  # a daemon that writes is waited for so long


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "purge",
        help="remove what was written down",
        description="Remove events, minutes, health rows and traces from the database, for good: what is removed is "
        "overwritten. What is kept of an event to learn from ([learn]) goes with it. It says which file it will change "
        "and how many rows it will remove, and asks; a script gives --yes. A daemon that is running goes on. The JSON "
        "is described in docs/schemas/purge.schema.json.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--before",
        metavar="WHEN",
        type=since_utc,
        help="what ended before 2026-11-21T20:00 (local time; with a Z, UTC), or more than 30m, 12h or 7d ago",
    )
    what.add_argument("--all", action="store_true", help="everything")
    parser.add_argument(
        "--db", metavar="FILE", type=path_name, help="the database (default: the one that `cry-monitor run` writes)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="print how many rows were removed as one JSON object")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Say what will be removed, ask, remove it; 1 when the answer is no.

    Raises UserError when there is no database, it cannot be written, or nobody can be asked.
    """
    before_utc = ALL if args.all else args.before
    with Store(args.db, read_only=True) as store:  # makes none where there is none
        found, found_all = store.count(before_utc), store.count()
        path = store.path
    rows = "{} of {} events, {} of {} minutes, {} of {} health rows and {} of {} traces".format(
        *[number for pair in zip(found[:4], found_all[:4]) for number in pair]
    )
    _say("to be removed from {}, for good: {}".format(path, rows), args.json)
    if not (args.yes or _agreed()):
        _say("nothing was removed", args.json)
        return 1
    with Store(args.db, busy_s=BUSY_S) as store:
        purged = store.remove(before_utc)
    if args.all:
        forget(path)
    else:
        settle(path)
    counts = {key: getattr(purged, key) for key in ("events", "minutes", "health", "traces")}
    if args.json:
        print_object(dict(counts, type="purge", database=text_of(path)))
    else:
        rows = "{events} events, {minutes} minutes, {health} health rows and {traces} traces".format(**counts)
        print_line("removed {} from {}".format(rows, path))
    return 0


def _say(text, is_json):
    """A line for a person; stdout holds nothing but JSON when that was asked for."""
    print(printable(text), file=sys.stderr if is_json else sys.stdout, flush=True)


def _agreed():
    """Whether the person at the terminal wants it. Raises UserError where there is no terminal."""
    if not sys.stdin or not sys.stdin.isatty():
        raise UserError("there is no terminal to ask on: nothing was removed; give --yes to remove without asking")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
