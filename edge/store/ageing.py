"""Which rows are too old: by the time that the monitor has lived, and by a wall clock that can be believed.

- What the monitor has lived since a row, summed over its sessions by the machine's own clock, is no more than the row's
  age, whatever the wall clock says: by that a row is always aged, on a board that never knew the time too.
- The wall clock also counts the time in between. It is asked only where it can be believed (edge.clock), and never for
  what was heard in the LAST_SESSIONS. What it would remove of a table at once, over a TENTH of it, waits until it can
  still be believed a day later: a clock that is wrong does not stay so, and what is removed is gone.
"""

from typing import NamedTuple

from edge.clock import STEADY_S, WatchedClock
from edge.log import iso_utc
from edge.store.rows import Purged

DAY_S = 86400.0
LAST_SESSIONS = 3
TENTH = 0.1
ASKED = "ageing_asked_utc"  # in facts: when the wall clock first wanted to remove so much

# {table: (the time that counts, the table whose last sessions are kept)}
TABLES = {
    "events": ("end_utc", "events"),
    "minutes": ("start_utc", "minutes"),
    "health": ("at_utc", "minutes"),
    "traces": ("end_utc", "minutes"),
}


class Aged(NamedTuple):
    """What was removed for its age, and why something that looks too old was not, in words."""

    purged: Purged
    waits: str


class Cut(NamedTuple):
    """Sessions up to `session` are too old, and of the one after these rows before `monotonic_s`."""

    session: int
    next_session: int
    monotonic_s: float


def age(connection, clock: WatchedClock, keep_days: float) -> Aged:
    """Remove rows older than `keep_days`; within the caller's transaction."""
    keep_s = keep_days * DAY_S
    cut = lived_cut(_sessions(connection, clock.monotonic_s()), keep_s)
    removed = {table: _remove(connection, table, *_by_life(cut)) for table in TABLES}
    distrust = clock.distrust(newest_utc(connection))
    if distrust:
        return Aged(_purged(removed), "")
    conditions = {table: _by_clock(connection, table, clock.now_utc() - keep_s) for table in TABLES}
    waits = _must_wait(connection, conditions, clock.now_utc(), keep_days)
    if not waits:
        for table, condition in conditions.items():
            removed[table] += _remove(connection, table, *condition)
    return Aged(_purged(removed), waits)


def lived_cut(sessions, keep_s) -> Cut:
    """sessions: [(session, when it began, how long it lasted)] by the machine's own clock, the oldest first."""
    lived_since_s = 0.0  # since the end of the session that is looked at
    for session, began_s, lasted_s in reversed(sessions):
        if lived_since_s >= keep_s:
            return Cut(session, session, began_s)
        if lived_since_s + lasted_s > keep_s:
            return Cut(session - 1, session, began_s + lived_since_s + lasted_s - keep_s)
        lived_since_s += lasted_s
    return Cut(-1, -1, 0.0)


def newest_utc(connection) -> float:
    """The latest time that was ever written down."""
    latest = "SELECT MAX({1}) FROM {0} WHERE typeof({1}) = 'real'"
    found = [connection.execute(latest.format(table, time)).fetchone()[0] for table, (time, _) in TABLES.items()]
    return max([each for each in found if each is not None] or [0.0])


def _sessions(connection, now_s):
    """Of monitors; the last one goes on."""
    sessions = connection.execute(
        "SELECT session, began_monotonic_s, lasted_s FROM sessions WHERE lives ORDER BY session"
    ).fetchall()
    if sessions:
        session, began_s, lasted_s = sessions[-1]
        sessions[-1] = (session, began_s, max(lasted_s, now_s - began_s))
    return sessions


def _by_life(cut):
    return "session <= ? OR (session = ? AND monotonic_s < ?)", tuple(cut)


def _by_clock(connection, table, before_utc):
    """The rows that the wall clock finds too old, but those of the last sessions."""
    time, heard = TABLES[table]
    last = connection.execute(
        "SELECT DISTINCT session FROM {} WHERE typeof(session) = 'integer' ORDER BY session DESC LIMIT ?".format(heard),
        (LAST_SESSIONS,),
    ).fetchall()
    first_kept = last[-1][0] if len(last) == LAST_SESSIONS else 0
    return "{} < ? AND session < ?".format(time), (before_utc, first_kept)


def _must_wait(connection, conditions, now_utc, keep_days):
    """Why these rows stay for now; empty when they may go. Remembers when it was first asked."""
    counts = {table: _counts(connection, table, *conditions[table]) for table in ("events", "minutes")}
    if all(old <= TENTH * of for old, of in counts.values()):
        connection.execute("DELETE FROM facts WHERE name = ?", (ASKED,))
        return ""
    asked_utc = _asked_utc(connection)
    if asked_utc is not None and asked_utc + STEADY_S <= now_utc:
        connection.execute("DELETE FROM facts WHERE name = ?", (ASKED,))
        return ""
    if asked_utc is None or asked_utc > now_utc:
        asked_utc = now_utc
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (ASKED, repr(asked_utc)))
    return (
        "{} of {} events and {} of {} minutes are over store.keep_days = {:g} if the clock is right: kept until it is "
        "found synchronised again after {}; cry-monitor purge --before {:g}d removes them now".format(
            *(counts["events"] + counts["minutes"] + (keep_days, iso_utc(asked_utc + STEADY_S), keep_days))
        )
    )


def _asked_utc(connection):
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (ASKED,)).fetchone()
    try:
        return float(row[0]) if row else None
    except ValueError:
        return None


def _counts(connection, table, condition, values):
    """(rows that the condition finds, all rows)."""
    old = connection.execute("SELECT COUNT(*) FROM {} WHERE {}".format(table, condition), values).fetchone()[0]
    return old, connection.execute("SELECT COUNT(*) FROM {}".format(table)).fetchone()[0]


def _remove(connection, table, condition, values):
    return connection.execute("DELETE FROM {} WHERE {}".format(table, condition), values).rowcount


def _purged(removed):
    return Purged(posteriors=0, **removed)
