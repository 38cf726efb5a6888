"""Reading what was kept: rows that cannot be are left out and named, a damaged page does not hide the others."""

import sqlite3

from edge.records import ExpertReading
from edge.store.failures import is_final
from edge.store.rows import (
    ENDED,
    EVENT_COLUMNS,
    Cry,
    Health,
    Minute,
    RowDamaged,
    StoredEvent,
    Trace,
    checked,
    read_posterior,
)

READING_COLUMNS = ("event_id",) + ExpertReading._fields
MARK_COLUMNS = ("event_id", "mark")
MARKS_SINCE = 4  # of the schema


class Reader(object):
    """Reads the rows of one connection. `damaged`: one line for each that was left out, and for pages that are lost."""

    def __init__(self, connection, version):
        self._connection = connection
        self._version = version
        self.damaged = []

    def events(self, where, value):
        """StoredEvents that fit, in the order they began. Raises sqlite3.Error."""
        columns = EVENT_COLUMNS
        if self._version < 2:  # an older file that only a writer may bring up to date
            columns = columns[:-1] + ("'{}'".format(ENDED),)
        readings, marks = self._readings(where, value), self._marks(where, value)
        found = []
        for row in self._rows("events", "id", columns, where, value):
            event = self._checked("events", EVENT_COLUMNS, row, lambda row: _event(row, readings, marks))
            if event:
                found.append(event)
        return found

    def cries(self, since_utc):
        """Cries that ended after `since_utc`, in the order they began. Raises sqlite3.Error."""
        state = "state" if self._version >= 2 else "'{}'".format(ENDED)
        columns = Cry._fields[:-3] + (state, "LENGTH(posterior) > 2")
        marks = self._marks("end_utc >= ?", since_utc)
        rows = self._rows("events", "id", ("id",) + columns, "end_utc >= ?", since_utc)
        make = lambda row: Cry(*row[1:], mark=marks.get(row[0]))  # noqa: E731
        cries = [self._checked("events", ("id",) + Cry._fields[:-1], row, make) for row in rows]
        return [cry for cry in cries if cry]

    def minutes(self, since_utc, until_utc):
        """Minutes that began between two moments, in the order they were written. Raises sqlite3.Error."""
        # What is no number is larger than any to SQLite, and has to be named.
        where = "start_utc >= ? AND (start_utc < ? OR typeof(start_utc) = 'text')"
        return self._made("minutes", Minute, where, since_utc, until_utc)

    def health(self, since_utc):
        """Changes of state after `since_utc`, in the order they were written. Raises sqlite3.Error."""
        return self._made("health", Health, "at_utc >= ?", since_utc)

    def traces(self, since_utc):
        """Traces that ended after `since_utc`, in the order they were written. Raises sqlite3.Error."""
        return self._made("traces", Trace, "end_utc >= ?", since_utc) if self._version >= MARKS_SINCE else []

    def unheard(self, begin_utc, end_utc, shortest_s):
        """(from, to) of every stretch of at least shortest_s between two minutes that began in that time."""
        return self._connection.execute(
            "SELECT one.start_utc + one.duration_s, other.start_utc "
            "FROM minutes AS one JOIN minutes AS other ON other.id = one.id + 1 "
            "WHERE one.start_utc >= ?1 AND other.start_utc < ?2 "
            "AND other.start_utc - one.start_utc - one.duration_s > ?3 AND typeof(other.start_utc) = 'real' "
            "ORDER BY one.id",
            (begin_utc, end_utc, shortest_s),
        ).fetchall()

    def heard(self, begin_utc, end_utc):
        """(first minute's beginning, last one's end, seconds heard) of the minutes that began in that time, or None."""
        first, last, seconds = self._connection.execute(
            "SELECT MIN(start_utc), MAX(start_utc + duration_s), SUM(duration_s) FROM minutes "
            "WHERE start_utc >= ? AND start_utc < ? AND typeof(start_utc) = 'real' AND typeof(duration_s) = 'real'",
            (begin_utc, end_utc),
        ).fetchone()
        return None if first is None else (first, last, seconds)

    def _made(self, table, make, where, *values):
        rows = self._rows(table, "id", make._fields, where, *values)
        made = [self._checked(table, make._fields, row, lambda row: make(*row)) for row in rows]
        return [row for row in made if row]

    def _readings(self, where, value):
        """{event's id: [ExpertReading]}."""
        of_events = "event_id IN (SELECT id FROM events WHERE {})".format(where)
        readings = {}
        for row in self._rows("posteriors", "rowid", READING_COLUMNS, of_events, value):
            reading = self._checked("posteriors", READING_COLUMNS, row, _reading)
            if reading:
                readings.setdefault(row[0], []).append(reading)
        return readings

    def _marks(self, where, value):
        """{event's id: mark}."""
        if self._version < MARKS_SINCE:
            return {}
        of_events = "event_id IN (SELECT id FROM events WHERE {})".format(where)
        rows = self._rows("marks", "event_id", MARK_COLUMNS, of_events, value)
        return dict(row for row in (self._checked("marks", MARK_COLUMNS, row, tuple) for row in rows) if row)

    def _checked(self, table, columns, row, make):
        """make(row), or None for a row that cannot be, which is noted."""
        try:
            return make(checked(columns, row))
        except RowDamaged as error:
            self.damaged.append("a damaged row of {} was left out: {}".format(table, error))
            return None

    def _rows(self, table, key, columns, where, *values):
        """The rows in the order of their key; where a page is damaged, those before it and those after it."""
        statement = "SELECT {}, {} FROM {} WHERE {} ORDER BY {} {{}}".format(key, ", ".join(columns), table, where, key)
        before, trouble = self._until_damage(statement.format("ASC"), values)
        if trouble is None:
            return [row[1:] for row in before]
        after, _ = self._until_damage(statement.format("DESC"), values)
        self.damaged.append("a page of {} is damaged ({}): rows are missing".format(table, trouble))
        last = before[-1][0] if before else 0
        return [row[1:] for row in before + [row for row in reversed(after) if row[0] > last]]

    def _until_damage(self, statement, values):
        """(rows, what broke off reading or None). Raises sqlite3.Error when it is not the file."""
        rows = []
        try:
            for row in self._connection.execute(statement, values):
                rows.append(row)
        except sqlite3.Error as error:
            if not is_final(error) or "malformed" not in str(error):
                raise
            return rows, error
        return rows, None


def _event(row, readings, marks):
    event = StoredEvent(*row)
    unknown = event.out_of_distribution
    return event._replace(
        posterior=read_posterior(event.posterior),
        out_of_distribution=None if unknown is None else bool(unknown),
        readings=tuple(readings.get(event.id, ())),
        mark=marks.get(event.id),
    )


def _reading(row):
    reading = ExpertReading(*row[1:])
    return reading._replace(posterior=read_posterior(reading.posterior))
