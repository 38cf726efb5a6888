"""What is kept of a night: one SQLite file of events, posteriors, minutes and health. Never audio.

`rows` is what is in it, `schema` how it is laid out, `retention` what goes when, `database` reads and writes it.
Whoever must not fail because a disk is full writes through edge.store.buffered_store.
"""

from edge.store.database import Store, StoreFails, default_path
from edge.store.rows import CUT_OFF, ENDED, OPEN, Health, Minute, Purged, StoredEvent
from edge.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = [
    "APPLICATION_ID",
    "CUT_OFF",
    "ENDED",
    "OPEN",
    "SCHEMA_VERSION",
    "Health",
    "Minute",
    "Purged",
    "Store",
    "StoreFails",
    "StoredEvent",
    "default_path",
]
