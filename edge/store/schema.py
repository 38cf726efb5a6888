"""How the database is laid out, version by version.

A file at version n is brought up to date by MIGRATIONS[n:], all of it in one transaction: one that fails half way, or
is killed there, leaves the file as it was.
"""

import sqlite3
from contextlib import closing

APPLICATION_ID = 0x43525921  # "CRY!" in the file's header: this database is ours

MIGRATIONS = (
    (
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session INTEGER NOT NULL,
            monotonic_s REAL NOT NULL,       -- when the row was first written
            source TEXT NOT NULL,            -- the microphone or the file
            start_utc REAL NOT NULL,         -- seconds since 1970, where the cry begins
            end_utc REAL NOT NULL,
            cry_probability REAL NOT NULL,
            cause TEXT,                      -- NULL when uncertain or when no expert is installed
            cause_probability REAL,
            posterior TEXT NOT NULL,         -- JSON object, label: probability
            out_of_distribution INTEGER      -- 0, 1, or NULL when nobody judged
        )""",
        "CREATE INDEX events_by_start ON events (start_utc)",
        """CREATE TABLE posteriors (
            event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
            expert TEXT NOT NULL,
            posterior TEXT NOT NULL,         -- JSON object, pooled over the episode
            temperature REAL NOT NULL,
            entropy_nats REAL NOT NULL,
            gate_weight REAL NOT NULL,
            PRIMARY KEY (event_id, expert)
        )""",
        """CREATE TABLE minutes (
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
        )""",
        "CREATE INDEX minutes_by_start ON minutes (start_utc)",
        """CREATE TABLE health (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            session INTEGER NOT NULL,
            monotonic_s REAL NOT NULL,
            at_utc REAL NOT NULL,
            state TEXT NOT NULL,             -- started, hearing, lost, stopped
            detail TEXT NOT NULL
        )""",
    ),
    (
        # An event is written while it goes on: open, then ended, or cut_off when the monitor died.
        "ALTER TABLE events ADD COLUMN state TEXT NOT NULL DEFAULT 'ended'",
        "DROP INDEX events_by_start",  # rows are read in the order they were written
        # A minute touches one page of the card, not three: no index and no counter beside it.
        """CREATE TABLE minutes_2 (
            id INTEGER PRIMARY KEY,
            session INTEGER NOT NULL,
            monotonic_s REAL NOT NULL,
            start_utc REAL NOT NULL,
            duration_s REAL NOT NULL,
            cry_s REAL NOT NULL,
            mean_dbfs REAL,
            max_dbfs REAL,
            frames INTEGER NOT NULL,
            missed_deadlines INTEGER NOT NULL,
            dropped_samples INTEGER NOT NULL
        )""",
        "INSERT INTO minutes_2 SELECT * FROM minutes ORDER BY id",
        "DROP TABLE minutes",
        "ALTER TABLE minutes_2 RENAME TO minutes",
    ),
    (
        # What rows are aged by where the wall clock cannot be believed: how long the monitor has run, all in all.
        """CREATE TABLE sessions (
            session INTEGER PRIMARY KEY,
            lives INTEGER NOT NULL,          -- 1: a monitor's; 0: of a command that wrote, and counts for nothing
            boot_id TEXT NOT NULL,           -- which start of the machine; empty when that is not known
            began_monotonic_s REAL NOT NULL,
            began_utc REAL NOT NULL,         -- by the wall clock, right or not
            lasted_s REAL NOT NULL           -- until its last row; 0 while it goes on
        )""",
        """INSERT INTO sessions
            SELECT session, 1, '', MIN(monotonic_s), MIN(at_utc), MAX(monotonic_s) - MIN(monotonic_s) FROM (
                SELECT session, monotonic_s, start_utc AS at_utc FROM events
                UNION ALL SELECT session, monotonic_s, start_utc FROM minutes
                UNION ALL SELECT session, monotonic_s, at_utc FROM health
            ) WHERE typeof(session) = 'integer' AND typeof(monotonic_s) = 'real' GROUP BY session""",
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    ),
    (
        # What somebody in this home says that an event was.
        """CREATE TABLE marks (
            event_id INTEGER PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
            mark TEXT NOT NULL,              -- cry, other
            at_utc REAL NOT NULL
        )""",
        # What thresholds are tried on again: the probability of every frame, wherever it was not next to nothing.
        """CREATE TABLE traces (
            id INTEGER PRIMARY KEY,
            session INTEGER NOT NULL,
            monotonic_s REAL NOT NULL,
            start_utc REAL NOT NULL,         -- end of the first frame
            end_utc REAL NOT NULL,           -- end of the last one
            probabilities BLOB NOT NULL      -- a byte a frame, 0 to 255: smoothed
        )""",
    ),
)
MOST_ROWS = 1 << 53  # a larger number is a damaged one
SCHEMA_VERSION = len(MIGRATIONS)
TABLES = ("events", "posteriors", "minutes", "health", "sessions", "facts", "marks", "traces")


def layout_trouble(connection):
    """What is wrong with the tables of a file that is up to date, in words; empty when nothing is."""
    there = _layout(connection)
    for table, columns in _new_layout().items():
        if not there[table]:
            return "the table {} is missing".format(table)
        if there[table] != columns:
            return "the table {} has other columns".format(table)
    for table in ("events", "minutes", "health", "traces"):
        newest = connection.execute("SELECT MAX(id) FROM {}".format(table)).fetchone()[0] or 0
        if newest > MOST_ROWS:
            return "the table {} has a row {}".format(table, newest)
    numbers = "SELECT COUNT(*) FROM sqlite_sequence WHERE typeof(seq) != 'integer' OR seq > ?"
    if connection.execute(numbers, (MOST_ROWS,)).fetchone()[0]:
        return "its rows cannot be numbered on"
    if connection.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger'").fetchone()[0]:
        return "it has triggers"
    return ""


def _layout(connection):
    """{table: [(column, type, not null, primary key)]}."""
    return {
        table: [tuple(row[1:4]) + (row[5],) for row in connection.execute("PRAGMA table_info({})".format(table))]
        for table in TABLES
    }


def _new_layout():
    """The tables as this version makes them."""
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection)
        return _layout(connection)


def migrate(connection):
    """Bring the file up to date; the transaction is the caller's, and all of it is lost when this raises."""
    version = pragma(connection, "user_version")  # asked again: another process may just have done it
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("PRAGMA application_id={}".format(APPLICATION_ID))
    connection.execute("PRAGMA user_version={}".format(SCHEMA_VERSION))


def pragma(connection, name):
    """The value of a pragma."""
    return connection.execute("PRAGMA " + name).fetchone()[0]
