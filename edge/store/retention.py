"""What goes when rows are too old or the file is too large: the oldest traces and minutes first, events never for
their size."""

from edge.store.rows import Purged
from edge.store.schema import pragma

PURGE_ROWS = 1440  # removed at a time when the file is too large: a day of minutes
OVER_AT = (("events", "end_utc"), ("minutes", "start_utc"), ("health", "at_utc"), ("traces", "end_utc"))  # when over
PURGE_ORDER = (("traces", "id"), ("minutes", "id"), ("health", "id"), ("posteriors", "event_id"))


def count_before(connection, before_utc):
    """How many rows were over before `before_utc`, in seconds since 1970, as a Purged."""
    counts = []
    for table, column in OVER_AT:
        statement = "SELECT COUNT(*) FROM {} WHERE {} < ?".format(table, column)
        counts.append(connection.execute(statement, (before_utc,)).fetchone()[0])
    return Purged(*counts, posteriors=0)


def delete_before(connection, before_utc):
    """Delete what was over before `before_utc`, in seconds since 1970; returns a Purged."""
    counts = []
    for table, column in OVER_AT:
        statement = "DELETE FROM {} WHERE {} < ?".format(table, column)
        counts.append(connection.execute(statement, (before_utc,)).rowcount)
    return Purged(*counts, posteriors=0)


def delete_above(connection, max_bytes, purged):
    """Delete the oldest rows but events while the pages in use are over `max_bytes`; returns `purged`, with them."""
    for table, _ in PURGE_ORDER:
        while size_bytes(connection) > max_bytes:
            removed = delete_oldest(connection, table)
            if not removed:
                break
            purged = purged._replace(**{table: getattr(purged, table) + removed})
    return purged


def delete_oldest(connection, table):
    """Delete the oldest PURGE_ROWS rows of a table of PURGE_ORDER; returns how many there were."""
    statement = "DELETE FROM {0} WHERE rowid IN (SELECT rowid FROM {0} ORDER BY {1} LIMIT ?)".format(
        table, dict(PURGE_ORDER)[table]
    )
    return connection.execute(statement, (PURGE_ROWS,)).rowcount


def size_bytes(connection):
    """Bytes of the pages in use."""
    return (pragma(connection, "page_count") - free_pages(connection)) * pragma(connection, "page_size")


def free_pages(connection):
    """Pages of the file that hold nothing."""
    return pragma(connection, "freelist_count")


def give_back_pages(connection, kept):
    """Give free pages back to the disk, but so many; outside of a transaction."""
    surplus = free_pages(connection) - kept
    if surplus > 0:
        # A script runs it to its end; execute() would give back one page only.
        connection.executescript("PRAGMA incremental_vacuum({});".format(surplus))
