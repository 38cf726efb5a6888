"""Sessions: one for every process that writes; those of monitors are what rows are aged by."""

import time

from edge.clock import WatchedClock, boot_id
from edge.store.failures import Unusable

MOST_SESSIONS = 1 << 40  # a larger number is a damaged one
NUMBERED = (("sessions", "session"), ("events", "id"), ("minutes", "id"), ("health", "id"))


def begin_visit(execute, path) -> int:
    """The session of a command that writes and is gone again; within the transaction of its first row."""
    session = _next_session(execute, path)
    execute("INSERT INTO sessions VALUES (?, 0, ?, ?, ?, 0)", (session, boot_id(), time.monotonic(), time.time()))
    return session


def begin_life(execute, path, clock: WatchedClock) -> int:
    """The session of a monitor, within a transaction; tells the clock how it moved since the one before."""
    session = _next_session(execute, path)
    previous = execute(
        "SELECT session, boot_id, began_monotonic_s, began_utc FROM sessions WHERE lives ORDER BY session DESC"
    ).fetchone()
    began_s, began_utc, boot = clock.monotonic_s(), clock.now_utc(), boot_id()
    if previous:
        _end(execute, previous[0], previous[2])
        if boot and previous[1] == boot:
            clock.compare((began_utc - began_s) - (previous[3] - previous[2]))
    execute("INSERT INTO sessions VALUES (?, 1, ?, ?, ?, 0)", (session, boot, began_s, began_utc))
    return session


def _next_session(execute, path):
    """Above all that were ever written; nobody else takes it while the transaction lasts."""
    newest = 0
    for table, key in NUMBERED:
        statement = "SELECT session FROM {} WHERE typeof(session) = 'integer' ORDER BY {} DESC LIMIT 1"
        row = execute(statement.format(table, key)).fetchone()
        newest = max(newest, row[0] if row else 0)
    if newest >= MOST_SESSIONS:
        raise Unusable("{} has session {}, which cannot be; it is damaged".format(path, newest))
    return 1 + newest


def _end(execute, session, began_s):
    """Write down how long a session lasted that nobody ended: until its last row."""
    for table in ("minutes", "health", "events"):
        last = "SELECT monotonic_s FROM {} WHERE session = ? ORDER BY id DESC LIMIT 1".format(table)
        row = execute(last, (session,)).fetchone()
        if row and isinstance(row[0], float):
            execute("UPDATE sessions SET lasted_s = MAX(lasted_s, ?) WHERE session = ?", (row[0] - began_s, session))
