"""`cry-monitor pause` and `cry-monitor resume`: not listening for a while, and listening again."""

import argparse
import re

from edge.arguments import add_configuration
from edge.commands.sockets import every_socket

UNITS_S = {"s": 1, "m": 60, "h": 3600}


def add_parser(subparsers) -> None:
    """Register the two commands."""
    pause = subparsers.add_parser(
        "pause",
        help="do not listen for a while",
        description="Do not listen for a while, at most two hours. It ends by itself, is shown everywhere as "
        "paused and never as quiet, and is written down.",
    )
    pause.add_argument("length", metavar="LENGTH", type=seconds_of, help="90s, 30m or 1h")
    resume = subparsers.add_parser("resume", help="end a pause", description="End a pause: listen again at once.")
    for parser, run in ((pause, run_pause), (resume, run_resume)):
        add_configuration(parser)
        parser.set_defaults(run=run)


def run_pause(args) -> int:
    """Ask every monitor of the configuration."""
    for name, client in every_socket(args.config):
        print("{}: paused until {}".format(name, client.request("pause", seconds=args.length)["until"]))
    return 0


def run_resume(args) -> int:
    """Ask every monitor of the configuration."""
    for name, client in every_socket(args.config):
        client.request("resume")
        print("{}: listens again".format(name))
    return 0


def seconds_of(text: str) -> float:
    """Seconds of 90s, 30m or 1h. Raises ArgumentTypeError for anything else."""
    match = re.match(r"(\d{1,5})([smh])$", text)
    if not match:
        raise argparse.ArgumentTypeError("{!r} is no length: use 90s, 30m or 1h".format(text[:40]))
    return float(int(match.group(1)) * UNITS_S[match.group(2)])
