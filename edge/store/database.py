"""The database: every write is committed before the call returns, and an event is on the card by then.

The wall clock of a Pi without a clock battery may jump, so every row also carries `session`, which grows with every
process that writes, and `monotonic_s`, the seconds since the machine started: (session, monotonic_s) orders rows
whatever the clock did.
"""

import json
import os
import time
from typing import Any, List, Optional, Tuple

from edge.clock import WatchedClock
from edge.errors import UserError
from edge.records import Event
from edge.store import ageing
from edge.store.failures import NotOurs, Unusable
from edge.store.opening import BESIDE, check_header, check_kind, checked_version, connect, tighten, whole_path
from edge.store.reading import READING_COLUMNS, Reader
from edge.store.retention import (
    count_before,
    delete_above,
    delete_before,
    delete_oldest,
    free_pages,
    give_back_pages,
    size_bytes,
)
from edge.store.rows import BRIEF, CUT_OFF, ENDED, EVENT_COLUMNS, OPEN, Cry, Health, Minute, Purged, StoredEvent, Trace
from edge.store.schema import SCHEMA_VERSION, layout_trouble, migrate
from edge.store.sessions import begin_life, begin_visit
from edge.store.transactions import Transactions

BUSY_S = 0.5  # hearing waits no longer than this for another process that writes
WAL_PAGES = 256  # of 4 kB: the log beside the file is written back into it when it is longer, and cut to this
PAGE_BYTES = 4096
RESERVE_PAGES = 16  # kept free in the file: newer rows find them when the disk is full
LOW_DISK_BYTES = 2 * WAL_PAGES * PAGE_BYTES  # less is left for others
WRITTEN_COLUMNS = EVENT_COLUMNS[1:]
MOST_TRACES = 20000  # rows: a few MB, months of nights
ALL = float("inf")


class Store(Transactions):
    """The database, open.

    `damaged`: one line for each row that was read and could not be.

    Raises:
        NotOurs: something else is at that place.
        Unusable: the file will never do: it is no database, damaged, or, to be written, of a newer cry-monitor.
        StoreFails: it cannot be opened or made for another reason; later, a row cannot be written.
    """

    def __init__(self, path: Optional[str] = None, read_only: bool = False, busy_s: float = BUSY_S):
        """busy_s: how long another process that writes is waited for."""
        self.path = whole_path(path)
        self._read_only = read_only
        self._busy_s = busy_s
        self._session = None  # begins with the first row that is written
        self._monotonic_s = time.monotonic
        try:
            self._open()
        except NotOurs:
            if not os.path.exists(self.path + BESIDE):
                raise
            self.path += BESIDE  # where the monitor that was told this place keeps its events
            self._open()
        self._reader = Reader(self._connection, self._version)
        self.damaged = self._reader.damaged

    def _open(self):
        if self._read_only and not os.path.exists(self.path):
            raise UserError("no database at {}: nothing was recorded yet; or give --db FILE".format(self.path))
        with self._explained("open"):
            check_kind(self.path)
            if not self._read_only:
                check_header(self.path)
            self._connection = connect(self.path, self._read_only, self._busy_s)
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
            OPEN if is_open else BRIEF if event.brief else ENDED,
        )
        # NORMAL would leave the newest commits to be lost with the power.
        with self._transaction("write to", synchronous="FULL") as execute:
            if event_id is None or not self._update_event(execute, event_id, row):
                event_id = self._insert(execute, "events", WRITTEN_COLUMNS, row)
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
            left_open = self._reader.events("state = ?", OPEN)
            execute("UPDATE events SET state = ? WHERE state = ?", (CUT_OFF, OPEN))
        return left_open

    def add_minute(self, minute: Minute) -> int:
        """Write one minute of listening; returns its id."""
        with self._transaction("write to") as execute:
            return self._insert(execute, "minutes", Minute._fields, minute)

    def amend_minute(self, minute_id: int, cry_s: float) -> None:
        """Write how much of a minute was crying after all."""
        with self._transaction("write to") as execute:
            execute("UPDATE minutes SET cry_s = ? WHERE id = ?", (cry_s, minute_id))

    def add_health(self, health: Health) -> None:
        """Write one change of state."""
        with self._transaction("write to") as execute:
            self._insert(execute, "health", Health._fields, health)

    def add_trace(self, trace: Trace) -> None:
        """Write the probabilities of some frames; the oldest beyond MOST_TRACES go."""
        with self._transaction("write to") as execute:
            newest = self._insert(execute, "traces", Trace._fields, trace)
            execute("DELETE FROM traces WHERE id <= ?", (newest - MOST_TRACES,))

    def events(self, since_utc: float = 0.0) -> List[StoredEvent]:
        """Events that ended after `since_utc` (seconds since 1970), in the order they began, whatever the clock did."""
        with self._explained("read"):
            return self._reader.events("end_utc >= ?", since_utc)

    def cries(self, since_utc: float = 0.0) -> List[Cry]:
        """The same in short, without what each expert said."""
        with self._explained("read"):
            return self._reader.cries(since_utc)

    def minutes(self, since_utc: float = 0.0, until_utc: float = ALL) -> List[Minute]:
        """Minutes that began between two moments, in the order they were written."""
        with self._explained("read"):
            return self._reader.minutes(since_utc, until_utc)

    def unheard(self, begin_utc: float, end_utc: float, shortest_s: float) -> List[Tuple[float, float]]:
        """(from, to) of every stretch of at least shortest_s between two minutes that began in that time.

        A year has half a million minutes: they stay in SQLite.
        """
        with self._explained("read"):
            return self._reader.unheard(begin_utc, end_utc, shortest_s)

    def heard(self, begin_utc: float, end_utc: float) -> Optional[Tuple[float, float, float]]:
        """(first minute's beginning, last one's end, seconds heard) of the minutes that began in that time, or None."""
        with self._explained("read"):
            return self._reader.heard(begin_utc, end_utc)

    def health(self, since_utc: float = 0.0) -> List[Health]:
        """Changes of state after `since_utc`, in the order they were written."""
        with self._explained("read"):
            return self._reader.health(since_utc)

    def traces(self, since_utc: float = 0.0) -> List[Trace]:
        """What thresholds can be tried on again, of frames after `since_utc`, in the order they were written."""
        with self._explained("read"):
            return self._reader.traces(since_utc)

    def size_bytes(self) -> int:
        """Bytes of the pages in use."""
        return size_bytes(self._connection)

    def begin_session(self, clock: WatchedClock) -> int:
        """A monitor begins: from here on it lives, by the machine's own clock; that is what rows are aged by.

        Returns the session, for resume_session() when the file was closed and opened again meanwhile.
        """
        with self._transaction("write to") as execute:
            self._session = begin_life(execute, self.path, clock)
        return self.resume_session(self._session, clock)

    def resume_session(self, session: int, clock: WatchedClock) -> int:
        """The monitor that began this session goes on."""
        self._session, self._monotonic_s = session, clock.monotonic_s
        return session

    def purge(self, clock: WatchedClock, keep_days: float, max_mb: float) -> ageing.Aged:
        """Remove rows older than `keep_days` (edge.store.ageing); while the file is over `max_mb`, the oldest minutes,
        then the oldest health rows, then what the experts said of the oldest events. Events stay."""
        with self._transaction("purge"):
            purged, waits = ageing.age(self._connection, clock, keep_days)
            purged = delete_above(self._connection, max_mb * 1e6, purged)
        with self._explained("purge"):
            give_back_pages(self._connection, RESERVE_PAGES)
        return ageing.Aged(purged._replace(still_too_large=self.size_bytes() > max_mb * 1e6), waits)

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

    def _prepare(self):
        self._version = checked_version(self._connection, self.path, self._read_only)
        if self._read_only:
            if self._version == 0:
                raise UserError("{} holds no cry-monitor events".format(self.path))
            return
        tighten(self.path)
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
        trouble = layout_trouble(self._connection)
        if trouble:
            raise Unusable("{}: {}; it is damaged".format(self.path, trouble))

    def _update_event(self, execute, event_id, row):
        columns = ", ".join(column + " = ?" for column in WRITTEN_COLUMNS)
        return execute("UPDATE events SET {} WHERE id = ?".format(columns), row + (event_id,)).rowcount

    def _insert(self, execute, table, columns, row):
        if self._session is None:
            self._session = begin_visit(execute, self.path)
        columns = ("session", "monotonic_s") + tuple(columns)
        statement = "INSERT INTO {} ({}) VALUES ({})".format(table, ", ".join(columns), ", ".join("?" * len(columns)))
        return execute(statement, (self._session, self._monotonic_s()) + tuple(row)).lastrowid
