"""The one exception whose message is meant for a person, and how it is told."""

import sys
from contextlib import suppress


class UserError(Exception):
    """Something the user can put right: its text says what happened, with which value, and what to do.

    Commands print it as `NAME: error: TEXT` on stderr and exit 1; no stack trace is shown.
    """


def print_error(text: str, name: str = "cry-monitor") -> None:
    """Print an error on stderr, in the one form that every command uses, as far as stderr can be written."""
    printable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with suppress(OSError, ValueError):
        print("{}: error: {}".format(name, printable), file=sys.stderr)
