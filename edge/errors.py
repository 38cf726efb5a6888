"""The one exception whose message is meant for a person."""


class UserError(Exception):
    """Something the user can put right: its text says what happened, with which value, and what to do.

    Commands print it as `NAME: error: TEXT` on stderr and exit 1; no stack trace is shown.
    """
