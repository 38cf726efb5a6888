"""`cry-monitor`: reads the command line and runs one command."""

import sys

from edge.guarded import enter  # nothing else here: what it guards is loaded by it

COMMANDS = (
    "run",
    "analyze",
    "events",
    "report",
    "live",
    "bridge",
    "serve",
    "pause",
    "mark",
    "enrol",
    "tune",
    "purge",
    "devices",
    "doctor",
    "prepare",
    "demo",
)
LISTENING = ("run", "analyze", "doctor", "prepare", "demo", "tune")  # they load an engine

EPILOG = """exit status: 0 done, 1 something went wrong (stderr says what and what to do), 2 wrong usage.
Everything stays on this machine: no audio is ever written, nothing is sent."""


def main(argv=None) -> int:
    """Run one command; returns the exit status. Wrong usage raises SystemExit(2)."""
    return enter(_load, argv)


def make_parser(names=COMMANDS):
    """The argparse parser of cry-monitor and these of its commands: loading all takes longer than most of them run."""
    import argparse
    import importlib

    from edge import __version__
    from edge.arguments import Parser

    parser = Parser(
        prog="cry-monitor",
        description="Hears a baby cry, on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version="cry-monitor " + __version__)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in names:
        importlib.import_module("edge.commands." + name).add_parser(subparsers)
    return parser


def _load(argv):
    named = (sys.argv[1:] if argv is None else argv)[:1]
    parser = make_parser(named if named and named[0] in COMMANDS else COMMANDS)
    args = parser.parse_args(argv)
    if args.command is None:
        parser.error("which command? One of " + ", ".join(COMMANDS))
    if args.command in LISTENING:
        from edge.runtime.memory import require_memory

        require_memory()
    return args.run, args


if __name__ == "__main__":
    sys.exit(main())
