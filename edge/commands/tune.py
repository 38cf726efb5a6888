"""`cry-monitor tune`: this home's thresholds, from its own marked nights."""

import argparse
import time

from edge.arguments import add_bundle, add_configuration, path_name
from edge.commands.events import since_utc
from edge.commands.lines import print_line, print_object
from edge.commands.notes import print_note
from edge.errors import UserError
from edge.store import Store

DEFAULT_DAYS = 60
DESCRIPTION = """Say what other thresholds would have come to on the nights of this home in which every event is marked
(cry-monitor mark): false alarms a night against how long a cry takes to be told. --write takes the best of them with at
most --false-alarms a night: `cry-monitor run` reads them at its next start, beside its database. Thresholds alone are
changed, never weights, and nothing where there is too little to decide."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("tune", help="thresholds from this home's marked nights", description=DESCRIPTION)
    parser.add_argument(
        "--since",
        metavar="WHEN",
        type=since_utc,
        help="nights since then, as for events (default: {}d)".format(DEFAULT_DAYS),
    )
    parser.add_argument(
        "--false-alarms",
        metavar="N",
        type=alarms,
        default=1.0,
        help="how many a night are borne (default: %(default)g)",
    )
    parser.add_argument("--svg", metavar="FILE", type=path_name, help="write the picture")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="take them")
    what.add_argument("--reset", action="store_true", help="go back to the bundle's own")
    parser.add_argument("--json", action="store_true", help="print one JSON object (docs/schemas/tune.schema.json)")
    add_configuration(parser)
    add_bundle(parser)
    parser.add_argument("--db", metavar="FILE", type=path_name, help="the database (default: the monitor's)")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the trade; 1 when something was to be written and there is too little to decide. Raises UserError."""
    from edge.bundle import DEFAULT_BUNDLE_DIR
    from edge.bundle.trial import load_tried
    from edge.config import load_settings
    from edge.tuning import override, trade
    from edge.tuning.nights import nights_of

    settings = load_settings(args.config)
    with Store(args.db or settings.store.path or None, read_only=True) as store:
        if args.reset:
            return _reset(override, store.path)
        bundle = load_tried(args.bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings.detector.threads)
        since = time.time() - DEFAULT_DAYS * 86400.0 if args.since is None else args.since
        nights, database = nights_of(store, since, bundle.sha256), store.path
        for line in store.damaged:
            print_note(line)
    try:
        bundle = override.with_override(bundle, database)
    except UserError as error:
        print_note("{}; the bundle's own thresholds hold".format(error))
    choices = (
        trade.trade_of(nights.counted, bundle.decision, bundle.own_decision, settings.decision)
        if nights.counted
        else []
    )
    why_not = trade.too_little(nights)
    chosen = None if why_not else trade.best(choices, args.false_alarms)
    written = override.write_override(database, chosen, bundle) if args.write and chosen else ""
    if args.svg:
        _draw(args.svg, choices, chosen)
    (_print_json if args.json else _print_table)(nights, choices, chosen, why_not, written)
    if args.write and not chosen:
        raise UserError("nothing was written: " + (why_not or no_choice(args.false_alarms)))
    return 0


def alarms(text: str) -> float:
    """False alarms a night. Raises ArgumentTypeError."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1000.0:
        raise argparse.ArgumentTypeError("{!r} is no number of false alarms: use 0 to 1000 a night".format(text[:40]))
    return number


def no_choice(most: float) -> str:
    """That no thresholds keep to it."""
    return "none of these thresholds had at most {:g} false alarms a night: bear more, or keep what is".format(most)


def _reset(override, database):
    was_there = override.remove_override(database)
    print_line(
        "the bundle's own thresholds hold from the next start on" if was_there else "there was nothing to remove"
    )
    return 0


def _draw(path, choices, chosen):
    from edge.files import write_whole
    from edge.tuning.picture import picture_of

    try:
        write_whole(path, [picture_of(choices, chosen).encode("utf-8")])
    except OSError as error:
        raise UserError("--svg {}: cannot be written ({})".format(path, error.strerror or error)) from error


def _print_json(nights, choices, chosen, why_not, written):
    from edge.tuning.trade import as_object

    print_object(
        {
            "type": "tune",
            "nights": [night.date for night in nights.counted],
            "left_out": nights.left_out,
            "unmarked_events": [event.id for event in nights.unmarked],
            "choices": [as_object(choice) for choice in choices],
            "chosen": as_object(chosen) if chosen else None,
            "too_little": why_not,
            "written": written,
        }
    )


def _print_table(nights, choices, chosen, why_not, written):
    for line in nights.left_out:
        print_line("not counted: " + line)
    if choices:
        print_line("{} nights, {} cries".format(choices[0].nights, choices[0].cries))
        print_line("{:>6}{:>7}{:>8}{:>16}{:>9}{:>8}{:>10}{:>10}".format(*HEADS))
    for choice in choices:
        remarks = [text for text, holds in (("now", choice.is_now), ("best", choice is chosen)) if holds]
        print_line(row_of(choice) + "  " * bool(remarks) + ", ".join(remarks))
    if choices:
        print_line("alarms: false ones a night, those for which there was no event among them; at most: 95 %")
    if why_not:
        print_line(why_not)
    elif chosen is None:
        print_line("none of these keeps to --false-alarms")
    if written:
        print_line("wrote {}: it holds from the next start of the monitor on".format(written))


HEADS = ("OPEN", "CLOSE", "LASTING", "ALARMS (AT MOST)", "FOUND", "CRIES", "HALF IN", "90 % IN")


def row_of(choice) -> str:
    """A line of the table."""
    delays = [
        "-" if delay is None else "{:.1f} s".format(delay) for delay in (choice.delay_s(0.5), choice.delay_s(0.9))
    ]
    alarms_text = "{:.2f} ({:.2f})".format(choice.alarms_a_night, choice.alarms_at_most)
    return "{:>6.3f}{:>7.3f}{:>8.3f}".format(*choice.thresholds) + "{:>16}{:>9}{:>8}{:>10}{:>10}".format(
        alarms_text, choice.found, choice.cries, *delays
    )
