"""`cry-monitor mark`: what an event was, as somebody in this home knows it."""

import argparse
import re

from edge.arguments import add_configuration, given, path_name
from edge.commands.lines import print_line
from edge.commands.sockets import one_socket
from edge.config import load_settings
from edge.errors import UserError
from edge.learning.marked_file import settle
from edge.sinks.client import Client
from edge.store import Store
from edge.store.marks import LAST, MARKS, NONE, checked_mark, marker

BUSY_S = 10.0  # a monitor that writes is waited for so long
DESCRIPTION = """Say what an event was: a cry, or something else that was taken for one. It is kept with the event and
shown by events and report. The running monitor is asked to write it down; where none runs, or with --db, the database
is written at once."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("mark", help="say what an event was", description=DESCRIPTION)
    parser.add_argument(
        "event", metavar="EVENT", type=number_of, help="its number, as `cry-monitor events` shows it, or " + LAST
    )
    parser.add_argument("mark", choices=MARKS + (NONE,), help="what it was; {} takes a mark back".format(NONE))
    parser.add_argument("--source", metavar="NAME", type=given, help="whose event, where there are several monitors")
    add_configuration(parser)
    parser.add_argument("--db", metavar="FILE", type=path_name, help="the database that is written at once")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Mark one event. Raises UserError."""
    checked_mark(args.event, args.mark)
    settings = load_settings(args.config)
    marked = _mark_there(args.db, args) if args.db else _ask(settings, args)
    what = "is marked: {}".format(marked["mark"]) if args.mark != NONE else "has no mark any more"
    print_line("event {} of {} {}".format(marked["event"], marked["start_utc"], what))
    return 0


def number_of(text: str):
    """An event's number, or LAST. Raises ArgumentTypeError."""
    if text == LAST:
        return text
    if not re.match(r"[0-9]{1,16}$", text):
        raise argparse.ArgumentTypeError("{!r} is no event: use its number, or {}".format(text[:40], LAST))
    return int(text)


def _ask(settings, args):
    """The monitor that runs; where none does, its database."""
    _, path, is_only_one = one_socket(settings, args.source)
    try:
        client = Client(path)
    except UserError:
        if not is_only_one:
            raise
        return _mark_there(settings.store.path or None, args)
    with client:
        return client.request("mark", event=args.event, mark=args.mark)["marked"]


def _mark_there(path, args):
    with Store(path, read_only=True) as store:  # makes none where there is none
        path = store.path
    Store(path, busy_s=BUSY_S).close()  # brings an older one up to date
    with marker(path, BUSY_S) as opened:
        marked = opened.mark(args.event, args.mark)
    settle(path)  # what is kept to learn from goes with its mark
    return marked
