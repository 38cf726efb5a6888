"""What goes wrong with a database, sorted by what helps: waiting, setting the file aside, or another place."""

import errno
import sqlite3

from edge.errors import UserError
from edge.text import cut

LONGEST_REASON = 200

# In SQLite's own words: the file will never be read or written as it is. Whatever else it says may pass.
FINAL = (
    "malformed",
    "not a database",
    "encrypted",  # an older SQLite's word for what is no database
    "unsupported file format",
    "no such table",
    "no such column",
    "has no column",
    "already exists",
    "duplicate column",
)
# What reading and writing a database may raise.
FAILURES = (sqlite3.Error, OSError, UnicodeDecodeError)
FULL = ("full", "too large")


class StoreFails(UserError):
    """The database could not be read or written, which may pass: a full or read-only disk, a lock.

    `is_full`: there was no room for the row.
    """

    is_full = False


class Unusable(UserError):
    """The file will never do as it is. `why`: one word or two for the name that it is set aside under."""

    why = "damaged"


class NewerSchema(Unusable):
    """A newer cry-monitor wrote it."""

    def __init__(self, text, version):
        super().__init__(text)
        self.why = "schema-{}".format(version)


class NotOurs(UserError):
    """Something else is at that place, which is left alone: a directory, a device, another program's database."""


class HeldByAnother(UserError):
    """Another monitor writes this database."""


def refusal(doing, path, error):
    """What an sqlite3.Error or OSError means, as one of the above. doing: "open", "write to"."""
    reason = getattr(error, "strerror", None) or str(error)
    reason = cut(" ".join(reason.split()), LONGEST_REASON)  # SQLite may quote a whole table
    if is_final(error):
        return Unusable("cannot {} the database {}: {}; it is damaged".format(doing, path, reason))
    refused = StoreFails(
        "cannot {} the database {}: {}; check the path, its permissions and the free space, or give --db FILE".format(
            doing, path, reason
        )
    )
    refused.is_full = getattr(error, "errno", None) == errno.ENOSPC or any(word in reason for word in FULL)
    return refused


def is_final(error):
    """Whether an error says that the file itself is damaged."""
    if isinstance(error, UnicodeDecodeError):  # SQLite quotes names of the file in what it says
        return True
    return isinstance(error, sqlite3.Error) and any(words in str(error) for words in FINAL)
