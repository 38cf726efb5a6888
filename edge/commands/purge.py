"""`cry-monitor purge`: removes what was written down."""

from edge.commands.events import since_utc
from edge.commands.lines import print_object, printable
from edge.store import Store

BUSY_S = 10.0  # a daemon that writes is waited for so long


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "purge",
        help="remove what was written down",
        description="Remove events, minutes and health rows from the database, at once and for good: it asks nothing, "
        "and what is removed is overwritten. A daemon that is running goes on. The JSON is described in "
        "docs/schemas/purge.schema.json.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--before",
        metavar="WHEN",
        type=since_utc,
        help="what ended before 2026-11-21T20:00 (local time; with a Z, UTC), or more than 30m, 12h or 7d ago",
    )
    what.add_argument("--all", action="store_true", help="everything")
    parser.add_argument("--db", metavar="FILE", help="the database (default: the one that `cry-monitor run` writes)")
    parser.add_argument("--json", action="store_true", help="print how many rows were removed as one JSON object")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Say what was removed. Raises UserError when there is no database, or it cannot be written."""
    Store(args.db, read_only=True).close()  # makes none where there is none
    with Store(args.db, busy_s=BUSY_S) as store:
        purged = store.remove() if args.all else store.remove(args.before)
        path = printable(store.path)
    if args.json:
        print_object(
            {
                "type": "purge",
                "database": path,
                "events": purged.events,
                "minutes": purged.minutes,
                "health": purged.health,
            }
        )
    else:
        print(
            "removed {} events, {} minutes and {} health rows from {}".format(
                purged.events, purged.minutes, purged.health, path
            )
        )
    return 0
