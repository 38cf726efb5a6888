"""The rows of the database as they are read and written. Times are seconds since 1970, UTC."""

from typing import Dict, NamedTuple, Optional, Tuple

from edge.records import ExpertReading

OPEN = "open"  # still going on when it was last written
ENDED = "ended"
CUT_OFF = "cut_off"  # the monitor died while it went on: written as far as it had come


class StoredEvent(NamedTuple):
    """One row of events, with its rows of posteriors."""

    id: int
    source: str
    start_utc: float
    end_utc: float
    cry_probability: float
    cause: Optional[str]
    cause_probability: Optional[float]
    posterior: Dict[str, float]
    out_of_distribution: Optional[bool]
    state: str = ENDED  # OPEN, ENDED or CUT_OFF
    readings: Tuple[ExpertReading, ...] = ()


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


class Purged(NamedTuple):
    """How many rows were removed, and whether events alone are over the size that is allowed (they stay)."""

    events: int
    minutes: int
    health: int
    posteriors: int  # of events that stay
    still_too_large: bool = False
