"""`cry-monitor`: reads the command line and runs one command."""

import argparse
import os
import sys
import traceback

from edge import __version__
from edge.commands import analyze, demo, devices, doctor, events, prepare, purge, run
from edge.commands.lines import print_error
from edge.errors import UserError
from edge.log import log, read_by_machines

INTERRUPTED = 130  # exit status of a process ended by Ctrl-C
PIPE_CLOSED = 141  # and of one whose reader went away
TRACEBACK_VARIABLE = "CRY_MONITOR_TRACEBACK"

EPILOG = """exit status: 0 done, 1 something went wrong (stderr says what and what to do), 2 wrong usage.
Everything stays on this machine: no audio is ever written, nothing is sent."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of cry-monitor and all its commands."""
    parser = argparse.ArgumentParser(
        prog="cry-monitor",
        description="Hears a baby cry, on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version="cry-monitor " + __version__)
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in (run, analyze, events, purge, devices, doctor, prepare, demo):
        command.add_parser(subparsers)
    return parser


def main(argv=None) -> int:
    """Run one command; returns the exit status. Wrong usage raises SystemExit(2)."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.error("which command? One of run, analyze, events, purge, devices, doctor, prepare, demo")
    return guarded(args.run, args)


def guarded(command, args, name: str = "cry-monitor") -> int:
    """The exit status of command(args); whatever goes wrong is one line on stderr, `NAME: error: ...`."""
    try:
        status = command(args)
        sys.stdout.flush()
        return status
    except UserError as error:
        _say_error(str(error), name)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes stdout once more at exit, and would complain then.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            traceback.print_exc()
        _say_error(
            "internal error: {}: {}; please report it; run with {}=1 to see where".format(
                type(error).__name__, " ".join(str(error).split()), TRACEBACK_VARIABLE
            ),
            name,
        )
    return 1


def _say_error(text, name):
    """In the log, once its lines have a form that a program relies on; for a person otherwise."""
    if read_by_machines():
        log.error("%s", text)
    else:
        print_error(text, name)


if __name__ == "__main__":
    sys.exit(main())
