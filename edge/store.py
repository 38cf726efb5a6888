"""What is kept of a night: one SQLite file of events, posteriors, minutes and health. Never audio.

The wall clock of a Pi without a clock battery may jump, so every row also carries `session`, which grows
each time the file is opened for writing, and `monotonic_s`, the seconds since the machine started:
(session, monotonic_s) orders rows whatever the clock did.
"""

import collections
import json
import os
import sqlite3
import time
from contextlib import contextmanager
from typing import Dict, Iterator, List, NamedTuple, Optional

from edge.errors import UserError
from edge.records import Event

APPLICATION_ID = 0x43525921  # "CRY!" in the file's header: this database is ours
BUSY_TIMEOUT_S = 5.0
DAY_S = 86400.0
PURGE_ROWS = 1440  # minutes removed at a time when the file is too large: a day

# One script per schema version; a database at version n is brought up to date by scripts n, n + 1, ...
MIGRATIONS = ("""
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    monotonic_s REAL NOT NULL,       -- when the row was written
    source TEXT NOT NULL,            -- the microphone or the file
    start_utc REAL NOT NULL,         -- seconds since 1970, where the cry begins
    end_utc REAL NOT NULL,
    cry_probability REAL NOT NULL,
    cause TEXT,                      -- NULL when uncertain or when no expert is installed
    cause_probability REAL,
    posterior TEXT NOT NULL,         -- JSON object, label: probability
    out_of_distribution INTEGER      -- 0, 1, or NULL when nobody judged
);
CREATE INDEX events_by_start ON events (start_utc);
CREATE TABLE posteriors (
    event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    expert TEXT NOT NULL,
    posterior TEXT NOT NULL,         -- JSON object, pooled over the episode
    temperature REAL NOT NULL,
    entropy_nats REAL NOT NULL,
    gate_weight REAL NOT NULL,
    PRIMARY KEY (event_id, expert)
);
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    monotonic_s REAL NOT NULL,
    start_utc REAL NOT NULL,
    duration_s REAL NOT NULL,        -- of audio heard: 60, less at the end
    cry_s REAL NOT NULL,
    mean_dbfs REAL,                  -- of the power; NULL without frames
    max_dbfs REAL,
    frames INTEGER NOT NULL,
    missed_deadlines INTEGER NOT NULL,
    dropped_samples INTEGER NOT NULL
);
CREATE INDEX minutes_by_start ON minutes (start_utc);
CREATE TABLE health (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session INTEGER NOT NULL,
    monotonic_s REAL NOT NULL,
    at_utc REAL NOT NULL,
    state TEXT NOT NULL,             -- started, hearing, lost, stopped
    detail TEXT NOT NULL
);
""",)
SCHEMA_VERSION = len(MIGRATIONS)


class StoredEvent(NamedTuple):
    """One row of events; times in seconds since 1970, UTC."""

    id: int
    source: str
    start_utc: float
    end_utc: float
    cry_probability: float
    cause: Optional[str]
    cause_probability: Optional[float]
    posterior: Dict[str, float]
    out_of_distribution: Optional[bool]


class Minute(NamedTuple):
    """One minute of listening, or the part of one before the end."""

    start_utc: float
    duration_s: float
    cry_s: float
    mean_dbfs: Optional[float]
    max_dbfs: Optional[float]
    frames: int
    missed_deadlines: int
    dropped_samples: int


class Health(NamedTuple):
    """A change of the monitor's state."""

    at_utc: float
    state: str
    detail: str


Purged = collections.namedtuple("Purged", "events minutes health still_too_large")


def default_path() -> str:
    """events.db in the service's state directory, else in the user's."""
    service = os.environ.get("STATE_DIRECTORY")
    if service:
        return os.path.join(service.split(":")[0], "events.db")
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(home, "cry-monitor", "events.db")


class Store:
    """The database, open. Every write is committed before the call returns.

    Raises:
        UserError: the file cannot be opened or made, is not a database, is another program's, or was
            written by a newer cry-monitor; later, when a row cannot be written.
    """

    def __init__(self, path: Optional[str] = None, read_only: bool = False):
        self.path = os.path.abspath(os.path.expanduser(path or default_path()))
        self._read_only = read_only
        if read_only and not os.path.exists(self.path):
            raise UserError("no database at {}: nothing was recorded yet; or give --db FILE".format(
                self.path))
        with self._explained("open"):
            self._connection = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self) -> None:
        """Close the file; what was written stays."""
        self._connection.close()

    def add_event(self, event: Event, started_utc: float, source: str = "") -> int:
        """Write one event that began at `started_utc` (seconds since 1970); returns its id."""
        row = (
            source, started_utc, started_utc + event.end_s - event.start_s, float(event.cry_probability),
            event.cause, event.cause_probability, json.dumps(event.posterior, sort_keys=True),
            event.out_of_distribution,
        )
        event_id = self._insert("events", row)
        with self._explained("write to"):
            # synchronous=NORMAL alone could lose the newest commits with the power; events are rare
            # enough to be flushed to the card one by one.
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        return event_id

    def add_minute(self, minute: Minute) -> None:
        """Write one minute of listening."""
        self._insert("minutes", minute)

    def add_health(self, health: Health) -> None:
        """Write one change of state."""
        self._insert("health", health)

    def events(self, since_utc: float = 0.0) -> List[StoredEvent]:
        """Events that ended after `since_utc` (seconds since 1970), in the order they began."""
        rows = self._select("events", StoredEvent._fields, "end_utc >= ? ORDER BY start_utc, id", since_utc)
        return [
            StoredEvent(*row)._replace(
                posterior=json.loads(row[7]), out_of_distribution=None if row[8] is None else bool(row[8]))
            for row in rows
        ]

    def minutes(self, since_utc: float = 0.0) -> List[Minute]:
        """Minutes that began after `since_utc`, in the order they were written."""
        rows = self._select("minutes", Minute._fields, "start_utc >= ? ORDER BY id", since_utc)
        return [Minute(*row) for row in rows]

    def health(self, since_utc: float = 0.0) -> List[Health]:
        """Changes of state after `since_utc`, in the order they were written."""
        rows = self._select("health", Health._fields, "at_utc >= ? ORDER BY id", since_utc)
        return [Health(*row) for row in rows]

    def size_bytes(self) -> int:
        """Bytes of the pages in use."""
        pages = self._pragma("page_count") - self._pragma("freelist_count")
        return pages * self._pragma("page_size")

    def purge(self, now_utc: float, keep_days: float, max_mb: float) -> Purged:
        """Remove rows older than `keep_days`, then the oldest minutes while the file is over `max_mb`.

        Returns the rows removed per table, and whether events alone are over `max_mb` (they stay).
        """
        before_utc = now_utc - keep_days * DAY_S
        with self._explained("purge"), self._connection:
            execute = self._connection.execute
            events = execute("DELETE FROM events WHERE end_utc < ?", (before_utc,)).rowcount
            minutes = execute("DELETE FROM minutes WHERE start_utc < ?", (before_utc,)).rowcount
            health = execute("DELETE FROM health WHERE at_utc < ?", (before_utc,)).rowcount
            while self.size_bytes() > max_mb * 1e6:
                removed = execute(
                    "DELETE FROM minutes WHERE id IN (SELECT id FROM minutes ORDER BY id LIMIT ?)",
                    (PURGE_ROWS,)).rowcount
                if removed == 0:
                    break
                minutes += removed
        with self._explained("purge"):
            # A script runs it to its end; execute() would give back one page only.
            self._connection.executescript("PRAGMA incremental_vacuum;")
        return Purged(events, minutes, health, self.size_bytes() > max_mb * 1e6)

    def _connect(self):
        if self._read_only:
            uri = "file:{}?mode=ro".format(_percent_encoded(self.path))
            return sqlite3.connect(uri, timeout=BUSY_TIMEOUT_S, uri=True)
        # A night at home is nobody else's business.
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        return sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)

    def _prepare(self):
        version = self._checked_version()
        if self._read_only:
            if version == 0:
                raise UserError("{} holds no cry-monitor events".format(self.path))
            return
        execute = self._connection.execute
        if version == 0:
            execute("PRAGMA auto_vacuum=INCREMENTAL")
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=NORMAL")
        execute("PRAGMA foreign_keys=ON")
        for number in range(version, SCHEMA_VERSION):
            self._connection.executescript(
                "BEGIN IMMEDIATE; {} PRAGMA application_id={}; PRAGMA user_version={}; COMMIT;".format(
                    MIGRATIONS[number], APPLICATION_ID, number + 1))
        newest = "SELECT MAX(session) FROM (SELECT session FROM {} ORDER BY id DESC LIMIT 1)"
        self._session = 1 + max(execute(newest.format(table)).fetchone()[0] or 0 for table in _COLUMNS)

    def _checked_version(self):
        version = self._pragma("user_version")
        tables = self._connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if tables and self._pragma("application_id") != APPLICATION_ID:
            raise UserError("{} is another program's database; give another --db FILE".format(self.path))
        if version > SCHEMA_VERSION:
            raise UserError("{} has schema {}, this cry-monitor knows up to {}: update it, or give another "
                            "--db FILE".format(self.path, version, SCHEMA_VERSION))
        return version

    def _insert(self, table, row):
        # row holds the table's columns after id, session and monotonic_s, in their order.
        marks = ", ".join("?" * (len(row) + 2))
        columns = ", ".join(("session", "monotonic_s") + _COLUMNS[table])
        statement = "INSERT INTO {} ({}) VALUES ({})".format(table, columns, marks)
        with self._explained("write to"), self._connection:
            values = (self._session, time.monotonic()) + tuple(row)
            return self._connection.execute(statement, values).lastrowid

    def _select(self, table, columns, where, since_utc):
        statement = "SELECT {} FROM {} WHERE {}".format(", ".join(columns), table, where)
        with self._explained("read"):
            return self._connection.execute(statement, (since_utc,)).fetchall()

    def _pragma(self, name):
        return self._connection.execute("PRAGMA " + name).fetchone()[0]

    @contextmanager
    def _explained(self, doing) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise UserError("cannot {} the database {}: {}; check the path, its permissions and the free "
                            "space, or give --db FILE".format(doing, self.path, error)) from error


_COLUMNS = {"events": StoredEvent._fields[1:], "minutes": Minute._fields, "health": Health._fields}


def _percent_encoded(path):
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
