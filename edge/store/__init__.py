"""What is kept of a night: one SQLite file of events, posteriors, minutes and health. Never audio.

`rows` is what is in it, `schema` how it is laid out, `ageing` and `retention` what goes when. `opening`, `failures`,
`lock` and `place` come by it whatever is there, `database` writes it, `reading` reads it.
Whoever must not fail because a disk is full writes through edge.store.buffered_store.
"""

from edge.store.database import Store
from edge.store.failures import HeldByAnother, NotOurs, StoreFails, Unusable
from edge.store.opening import default_path
from edge.store.rows import BRIEF, CUT_OFF, ENDED, OPEN, Health, Minute, Purged, StoredEvent
from edge.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = [
    "APPLICATION_ID",
    "BRIEF",
    "CUT_OFF",
    "ENDED",
    "OPEN",
    "SCHEMA_VERSION",
    "Health",
    "HeldByAnother",
    "Minute",
    "NotOurs",
    "Purged",
    "Store",
    "StoreFails",
    "StoredEvent",
    "Unusable",
    "default_path",
]
