"""The one exception whose message is meant for a person, and how it is told."""

import sys
from contextlib import suppress

from edge.text import printable


class UserError(Exception):
    """Something the user can put right: its text says what happened, with which value, and what to do.

    Commands print it as `NAME: error: TEXT` on stderr and exit 1; no stack trace is shown.
    """


def print_error(text: str, name: str = "cry-monitor") -> None:
    """Print an error on stderr, in the one form that every command uses, as far as stderr can be written."""
    with suppress(OSError, ValueError):
        print("{}: error: {}".format(name, printable(text)), file=sys.stderr)


def how_to_install(extra: str) -> str:
    """What to run for an extra of the host's distribution. Its name is nobody's on any index: the folder is named."""
    return "on a PC, in the folder of cry-monitor, run pip install . './host[{}]'".format(extra)
