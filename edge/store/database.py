"""The database: every write is committed before the call returns, and an event is on the card by then.

The wall clock of a Pi without a clock battery may jump, so every row also carries `session`, which grows
each time the file is opened for writing, and `monotonic_s`, the seconds since the machine started:
(session, monotonic_s) orders rows whatever the clock did.
"""

import errno
import json
import os
import sqlite3
import time
from contextlib import contextmanager
from typing import Any, Iterator, List, Optional, Tuple

from edge.errors import UserError
from edge.records import Event, ExpertReading
from edge.store.retention import (
    count_before,
    delete_above,
    delete_before,
    delete_oldest,
    free_pages,
    give_back_pages,
    size_bytes,
)
from edge.store.rows import CUT_OFF, ENDED, OPEN, Health, Minute, Purged, StoredEvent
from edge.store.schema import SCHEMA_VERSION, checked_version, migrate

BUSY_S = 0.5  # hearing waits no longer than this for another process that writes
WAL_PAGES = 256  # of 4 kB: the log beside the file is written back into it when it is longer, and cut to this
PAGE_BYTES = 4096
DAY_S = 86400.0
RESERVE_PAGES = 16  # kept free in the file: newer rows find them when the disk is full
LOW_DISK_BYTES = 2 * WAL_PAGES * PAGE_BYTES  # less is left for others
EVENT_COLUMNS = StoredEvent._fields[1:-1]
READING_COLUMNS = ("event_id",) + ExpertReading._fields
ALL = float("inf")

NO_SUCH_PLACE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG)


class StoreFails(UserError):
    """The database could not be read or written, which may pass: a full or read-only disk, a lock.

    `is_full`: there was no room for the row.
    """

    is_full = False


def default_path() -> str:
    """events.db in the service's state directory, else in the user's."""
    service = os.environ.get("STATE_DIRECTORY")
    if service:
        return os.path.join(service.split(":")[0], "events.db")
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(home, "cry-monitor", "events.db")


class Store:
    """The database, open.

    Raises:
        UserError: there is no such place, or the file is no database, another program's, or was written by a
            newer cry-monitor.
        StoreFails: it cannot be opened or made for another reason; later, a row cannot be written.
    """

    def __init__(self, path: Optional[str] = None, read_only: bool = False, busy_s: float = BUSY_S):
        """busy_s: how long another process that writes is waited for."""
        self.path = os.path.abspath(os.path.expanduser(path or default_path()))
        self._read_only = read_only
        self._busy_s = busy_s
        if read_only and not os.path.exists(self.path):
            raise UserError("no database at {}: nothing was recorded yet; or give --db FILE".format(self.path))
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

    def add_event(
        self, event: Event, started_utc: float, source: str = "", event_id: Optional[int] = None, is_open: bool = False
    ) -> int:
        """Write one event that began at `started_utc` (seconds since 1970); returns its id.

        An event that still goes on is written with `is_open`; with the id that this returned, the same row is
        brought up to date. A row that is gone by then is written anew.
        """
        row = (
            source,
            started_utc,
            started_utc + event.end_s - event.start_s,
            float(event.cry_probability),
            event.cause,
            event.cause_probability,
            json.dumps(event.posterior, sort_keys=True),
            event.out_of_distribution,
            OPEN if is_open else ENDED,
        )
        # NORMAL would leave the newest commits to be lost with the power.
        with self._transaction("write to", synchronous="FULL") as execute:
            if event_id is None or not self._update_event(execute, event_id, row):
                event_id = self._insert(execute, "events", EVENT_COLUMNS, row)
            for reading in event.readings:
                posterior: Any = json.dumps(reading.posterior, sort_keys=True)
                values = (event_id,) + reading._replace(posterior=posterior)
                execute(
                    "INSERT OR REPLACE INTO posteriors ({}) VALUES (?, ?, ?, ?, ?, ?)".format(
                        ", ".join(READING_COLUMNS)
                    ),
                    values,
                )
        return event_id

    def end_left_open(self) -> List[StoredEvent]:
        """End the events that a monitor left open when it died, as far as they were written; returns them.

        One that is still alive brings its own row up to date again.
        """
        with self._transaction("write to", synchronous="FULL") as execute:
            left_open = self._events("state = ?", OPEN)
            execute("UPDATE events SET state = ? WHERE state = ?", (CUT_OFF, OPEN))
        return left_open

    def add_minute(self, minute: Minute) -> None:
        """Write one minute of listening."""
        with self._transaction("write to") as execute:
            self._insert(execute, "minutes", Minute._fields, minute)

    def add_health(self, health: Health) -> None:
        """Write one change of state."""
        with self._transaction("write to") as execute:
            self._insert(execute, "health", Health._fields, health)

    def events(self, since_utc: float = 0.0) -> List[StoredEvent]:
        """Events that ended after `since_utc` (seconds since 1970), in the order they began, whatever the clock did."""
        return self._events("end_utc >= ?", since_utc)

    def minutes(self, since_utc: float = 0.0) -> List[Minute]:
        """Minutes that began after `since_utc`, in the order they were written."""
        rows = self._select("minutes", Minute._fields, "start_utc >= ? ORDER BY id", since_utc)
        return [Minute(*row) for row in rows]

    def unheard(self, begin_utc: float, end_utc: float, shortest_s: float) -> List[Tuple[float, float]]:
        """(from, to) of every stretch of at least shortest_s between two minutes that began in that time.

        A year has half a million minutes: they stay in SQLite.
        """
        rows = self._select(
            "minutes AS one JOIN minutes AS other ON other.id = one.id + 1",
            ["one.start_utc + one.duration_s", "other.start_utc"],
            "one.start_utc >= ?1 AND other.start_utc < ?2 AND other.start_utc - one.start_utc - one.duration_s > ?3 "
            "ORDER BY one.id",
            begin_utc,
            end_utc,
            shortest_s,
        )
        return [(begin, end) for begin, end in rows]

    def heard(self, begin_utc: float, end_utc: float) -> Optional[Tuple[float, float, float]]:
        """(first minute's beginning, last one's end, seconds heard) of the minutes that began in that time, or None."""
        ((first, last, seconds),) = self._select(
            "minutes",
            ["MIN(start_utc)", "MAX(start_utc + duration_s)", "SUM(duration_s)"],
            "start_utc >= ? AND start_utc < ?",
            begin_utc,
            end_utc,
        )
        return None if first is None else (first, last, seconds)

    def health(self, since_utc: float = 0.0) -> List[Health]:
        """Changes of state after `since_utc`, in the order they were written."""
        rows = self._select("health", Health._fields, "at_utc >= ? ORDER BY id", since_utc)
        return [Health(*row) for row in rows]

    def size_bytes(self) -> int:
        """Bytes of the pages in use."""
        return size_bytes(self._connection)

    def purge(self, now_utc: float, keep_days: float, max_mb: float) -> Purged:
        """Remove rows older than `keep_days`; while the file is over `max_mb`, the oldest minutes, then the oldest
        health rows, then what the experts said of the oldest events. Events stay."""
        with self._transaction("purge"):
            purged = delete_before(self._connection, now_utc - keep_days * DAY_S)
            purged = delete_above(self._connection, max_mb * 1e6, purged)
        with self._explained("purge"):
            give_back_pages(self._connection, RESERVE_PAGES)
        return purged._replace(still_too_large=self.size_bytes() > max_mb * 1e6)

    def count(self, before_utc: float = ALL) -> Purged:
        """How many rows remove() would remove."""
        with self._explained("read"):
            return count_before(self._connection, before_utc)

    def remove(self, before_utc: float = ALL) -> Purged:
        """Remove what ended before `before_utc`, or everything, and overwrite it where it lay."""
        with self._explained("purge"):
            self._connection.execute("PRAGMA secure_delete=ON")
        with self._transaction("purge", synchronous="FULL"):
            purged = delete_before(self._connection, before_utc)
        with self._explained("purge"):
            give_back_pages(self._connection, 0)
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return purged

    def keep_reserve(self) -> int:
        """Have free pages in the file, so that newer rows find room on the day on which the disk is full.

        They are taken from the disk, or, when it is nearly full, from the oldest minutes; returns how many of these
        were removed.
        """
        missing = RESERVE_PAGES - free_pages(self._connection)
        if missing < RESERVE_PAGES // 2:
            return 0
        if self._disk_free_bytes() < LOW_DISK_BYTES:
            with self._transaction("purge"):
                return delete_oldest(self._connection, "minutes")
        # Pages that are freed in the transaction that takes them would never reach the disk.
        with self._transaction("write to") as execute:
            execute("CREATE TABLE IF NOT EXISTS reserve (filler BLOB)")
            execute("INSERT INTO reserve VALUES (zeroblob(?))", (missing * PAGE_BYTES,))
        with self._transaction("write to") as execute:
            execute("DROP TABLE reserve")
        self.write_back()
        return 0

    def write_back(self) -> None:
        """Copy the log into the file, so that the log is written from its beginning again, where it has its room."""
        with self._explained("write to"):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _disk_free_bytes(self):
        disk = os.statvfs(os.path.dirname(self.path))
        return disk.f_bavail * disk.f_frsize

    def _connect(self):
        if self._read_only:
            uri = "file:{}?mode=ro".format(_percent_encoded(self.path))
            if self._is_at_rest():
                uri += "&immutable=1"
            return sqlite3.connect(uri, timeout=self._busy_s, isolation_level=None, uri=True)
        if os.path.isdir(self.path):
            raise IsADirectoryError(errno.EISDIR, "it is a directory")
        # A night at home is nobody else's business.
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        return sqlite3.connect(self.path, timeout=self._busy_s, isolation_level=None)

    def _is_at_rest(self):
        """Nobody can write it, and nothing of it is in a log: SQLite reads no other file on a read-only disk."""
        is_read_only_disk = os.statvfs(os.path.dirname(self.path)).f_flag & os.ST_RDONLY
        return is_read_only_disk and not os.path.exists(self.path + "-wal")

    def _prepare(self):
        self._version = checked_version(self._connection, self.path)
        if self._read_only:
            if self._version == 0:
                raise UserError("{} holds no cry-monitor events".format(self.path))
            return
        execute = self._connection.execute
        if self._version == 0:
            execute("PRAGMA auto_vacuum=INCREMENTAL")
        execute("PRAGMA temp_store=MEMORY")  # or it keeps scratch files in /var/tmp
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA wal_autocheckpoint={}".format(WAL_PAGES))
        execute("PRAGMA journal_size_limit={}".format(WAL_PAGES * PAGE_BYTES))
        execute("PRAGMA foreign_keys=ON")
        if self._version < SCHEMA_VERSION:
            with self._transaction("migrate", synchronous="FULL"):
                migrate(self._connection)
            self._version = SCHEMA_VERSION
        newest = "SELECT MAX(session) FROM (SELECT session FROM {} ORDER BY id DESC LIMIT 1)"
        self._session = 1 + max(
            execute(newest.format(table)).fetchone()[0] or 0 for table in ("events", "minutes", "health")
        )

    def _update_event(self, execute, event_id, row):
        columns = ", ".join(column + " = ?" for column in EVENT_COLUMNS)
        return execute("UPDATE events SET {} WHERE id = ?".format(columns), row + (event_id,)).rowcount

    def _insert(self, execute, table, columns, row):
        columns = ("session", "monotonic_s") + tuple(columns)
        statement = "INSERT INTO {} ({}) VALUES ({})".format(table, ", ".join(columns), ", ".join("?" * len(columns)))
        return execute(statement, (self._session, time.monotonic()) + tuple(row)).lastrowid

    def _events(self, where, value):
        columns = ", ".join(StoredEvent._fields[:-1])
        if self._version < 2:  # an older file that only a writer may bring up to date
            columns = columns.replace("state", "'{}'".format(ENDED))
        readings = {}
        for event_id, expert, posterior, temperature, entropy_nats, gate_weight in self._select(
            "posteriors",
            READING_COLUMNS,
            "event_id IN (SELECT id FROM events WHERE {}) ORDER BY rowid".format(where),
            value,
        ):
            readings.setdefault(event_id, []).append(
                ExpertReading(expert, json.loads(posterior), temperature, entropy_nats, gate_weight)
            )
        return [
            StoredEvent(*row)._replace(
                posterior=json.loads(row[7]),
                out_of_distribution=None if row[8] is None else bool(row[8]),
                readings=tuple(readings.get(row[0], ())),
            )
            for row in self._select("events", [columns], where + " ORDER BY id", value)
        ]

    def _select(self, table, columns, where, *values):
        statement = "SELECT {} FROM {} WHERE {}".format(", ".join(columns), table, where)
        with self._explained("read"):
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self, doing, synchronous="NORMAL") -> Iterator:
        """All that is executed in it, or nothing. FULL: on the card when it is over."""
        execute = self._connection.execute
        with self._explained(doing):
            execute("PRAGMA synchronous=" + synchronous)
            execute("BEGIN IMMEDIATE")
            try:
                yield execute
                execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    execute("ROLLBACK")
                raise

    @contextmanager
    def _explained(self, doing) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._refusal(doing, error) from error

    def _refusal(self, doing, error):
        reason = getattr(error, "strerror", None) or str(error)
        advice = "check the path, its permissions and the free space, or give --db FILE"
        if "malformed" in reason:
            advice = "the card has damaged it: move it away, and a new one is made"
        text = "cannot {} the database {}: {}; {}".format(doing, self.path, reason, advice)
        if getattr(error, "errno", None) in NO_SUCH_PLACE or "not a database" in reason or "encrypted" in reason:
            return UserError(text)
        refusal = StoreFails(text)
        refusal.is_full = "full" in reason or getattr(error, "errno", None) == errno.ENOSPC
        return refusal


def _percent_encoded(path):
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
