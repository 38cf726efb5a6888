"""What is kept of a night: one SQLite file of events, posteriors, marks, minutes, traces and health. Never
audio.

`rows` is what is in it, `schema` how it is laid out, `ageing` and `retention` what goes when. `opening`, `failures`,
`lock` and `place` come by it whatever is there, `database` writes it, `marks` what people say of it, `reading` reads
it.
Whoever must not fail because a disk is full writes through edge.store.buffered_store.
"""

from edge.store.database import Store
from edge.store.failures import HeldByAnother, NotOurs, StoreFails, Unusable
from edge.store.opening import default_path
from edge.store.rows import BRIEF, CUT_OFF, ENDED, MARKS, OPEN, Cry, Health, Minute, Purged, StoredEvent, Trace
from edge.store.schema import APPLICATION_ID, SCHEMA_VERSION

__all__ = [
    "APPLICATION_ID",
    "BRIEF",
    "CUT_OFF",
    "ENDED",
    "MARKS",
    "OPEN",
    "SCHEMA_VERSION",
    "Cry",
    "Health",
    "HeldByAnother",
    "Minute",
    "NotOurs",
    "Purged",
    "Store",
    "StoreFails",
    "StoredEvent",
    "Trace",
    "Unusable",
    "default_path",
]
