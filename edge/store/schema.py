"""How the database is laid out, version by version.

A file at version n is brought up to date by MIGRATIONS[n:], all of it in one transaction: one that fails half way, or
is killed there, leaves the file as it was.
"""

from edge.errors import UserError

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
)
SCHEMA_VERSION = len(MIGRATIONS)


def checked_version(connection, path):
    """The file's schema version, 0 when it is empty. Raises UserError when it is not ours, or newer."""
    version = pragma(connection, "user_version")
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if tables and pragma(connection, "application_id") != APPLICATION_ID:
        raise UserError("{} is another program's database; give another --db FILE".format(path))
    if version > SCHEMA_VERSION:
        raise UserError(
            "{} has schema {}, this cry-monitor knows up to {}: update it, or give another --db FILE".format(
                path, version, SCHEMA_VERSION
            )
        )
    return version


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
