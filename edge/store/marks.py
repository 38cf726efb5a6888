"""What somebody in this home says that an event was: a cry, or something else.

Written through a connection of its own, beside the monitor's: from its socket's thread, or by a command where no
monitor runs.
"""

import os
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator

from edge.errors import UserError
from edge.log import iso_utc
from edge.store.opening import checked_version, connect
from edge.store.rows import MARKS
from edge.store.schema import MOST_ROWS, SCHEMA_VERSION
from edge.store.transactions import Transactions
from edge.text import shown

LAST = "last"  # the newest event
NONE = "none"  # takes a mark back
BUSY_S = 0.5  # for the monitor, whose other readers wait meanwhile


class Marker(Transactions):
    """A database that is there and up to date, open for marks. Its header is not looked at: this process may have it
    open, and closing a file lets go of the locks that SQLite holds on it.

    Raises UserError.
    """

    def __init__(self, path: str, busy_s: float = BUSY_S):
        self.path, self._session = path, None
        if not os.path.exists(path):
            raise UserError("no database at {}: nothing was recorded yet".format(path))
        with self._explained("open"):
            self._connection = connect(path, False, busy_s)
        if checked_version(self._connection, path, False) != SCHEMA_VERSION:
            self.close()
            raise UserError("{} is of an older cry-monitor: start the monitor, which brings it up to date".format(path))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def mark(self, event: Any, mark: str) -> Dict[str, Any]:
        """Mark an event, by its number or LAST; NONE takes it back. Returns the event as it is said for JSON."""
        with self._transaction("write to", synchronous="FULL") as execute:
            found = "SELECT id, start_utc, end_utc FROM events {} ORDER BY id DESC LIMIT 1"
            if event == LAST:
                row = execute(found.format("")).fetchone()
            else:
                row = execute(found.format("WHERE id = ?"), (event,)).fetchone()
            if not row:
                raise UserError("there is no event {}: see cry-monitor events".format(event))
            if mark == NONE:
                execute("DELETE FROM marks WHERE event_id = ?", (row[0],))
            else:
                execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (row[0], mark, time.time()))
        return {"event": row[0], "start_utc": iso_utc(row[1]), "end_utc": iso_utc(row[2]), "mark": mark}


@contextmanager
def marker(path: str, busy_s: float = BUSY_S) -> Iterator[Marker]:
    """A Marker, closed at the end."""
    opened = Marker(path, busy_s)
    try:
        yield opened
    finally:
        opened.close()


def checked_mark(event: Any, mark: Any) -> None:
    """Raises UserError for what is no event's number, or no mark."""
    is_number = isinstance(event, int) and not isinstance(event, bool) and 1 <= event <= MOST_ROWS
    if not (is_number or event == LAST):
        raise UserError("event is {}: use its number as cry-monitor events shows it, or {}".format(shown(event), LAST))
    if mark not in MARKS + (NONE,):
        raise UserError("mark is {}: use {} or {}".format(shown(mark), ", ".join(MARKS), NONE))


def mark_requests(path_of):
    """{name: answer} for the local socket. path_of() -> where the monitor's database is now."""

    def answer(request):
        event, mark = request.get("event"), request.get("mark")
        checked_mark(event, mark)
        with marker(path_of()) as opened:
            return {"marked": opened.mark(event, mark)}

    return {"mark": answer}
