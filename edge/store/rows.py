"""The rows of the database as they are written and read. Times are seconds since 1970, UTC.

What is read is checked: a card loses bits, and a row that cannot be is left out and named, for the others to be read.
"""

import math
from typing import Any, Dict, NamedTuple, Optional, Tuple

from edge.errors import UserError
from edge.records import ExpertReading
from edge.text import shown
from edge.untrusted import parse_json

OPEN = "open"  # still going on when it was last written
ENDED = "ended"
BRIEF = "brief"  # ended, and shorter than decision.min_event_s
CUT_OFF = "cut_off"  # the monitor died while it went on: written as far as it had come
CRY, OTHER = MARKS = ("cry", "other")  # what somebody says that an event was
MOST_TRACE_FRAMES = 300  # of one row: a minute


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
    state: str = ENDED  # OPEN, ENDED, BRIEF or CUT_OFF
    readings: Tuple[ExpertReading, ...] = ()
    mark: Optional[str] = None  # one of MARKS, where somebody has said


EVENT_COLUMNS = StoredEvent._fields[: StoredEvent._fields.index("readings")]  # of the table of events


class Cry(NamedTuple):
    """What a picture shows of an event: a year has ten thousand."""

    start_utc: float
    end_utc: float
    cry_probability: float
    cause: Optional[str]
    state: str = ENDED
    was_asked: int = 0  # 1 when an expert said anything of its cause
    mark: Optional[str] = None


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


class Trace(NamedTuple):
    """The smoothed probability of frames that follow each other, in 255ths."""

    start_utc: float  # end of the first frame
    end_utc: float  # end of the last one
    probabilities: bytes


class Purged(NamedTuple):
    """How many rows were removed, and whether events alone are over the size that is allowed (they stay)."""

    events: int
    minutes: int
    health: int
    traces: int
    posteriors: int  # of events that stay
    still_too_large: bool = False


class RowDamaged(ValueError):
    """A row that cannot be."""


LATEST_UTC = 2.5e11  # the year 9892: what Python can write as a date
MOST_TEXT = 1 << 16  # characters


def _is_text(value):
    return isinstance(value, str) and len(value) <= MOST_TEXT


def _is_number(value):
    return isinstance(value, (int, float)) and math.isfinite(value)


def _is_time(value):
    return _is_number(value) and 0 <= value <= LATEST_UTC


def _is_trace(value):
    return isinstance(value, bytes) and 0 < len(value) <= MOST_TRACE_FRAMES


def _is_count(value):
    return isinstance(value, int)


def _or_null(is_valid):
    return lambda value: value is None or is_valid(value)


IS_VALID = {
    "id": _is_count,
    "source": _is_text,
    "start_utc": _is_time,
    "end_utc": _is_time,
    "cry_probability": _is_number,
    "cause": _or_null(_is_text),
    "cause_probability": _or_null(_is_number),
    "posterior": _is_text,
    "out_of_distribution": _or_null(_is_count),
    "state": _is_text,
    "was_asked": _is_count,
    "duration_s": _is_number,
    "cry_s": _is_number,
    "mean_dbfs": _or_null(_is_number),
    "max_dbfs": _or_null(_is_number),
    "frames": _is_count,
    "missed_deadlines": _is_count,
    "dropped_samples": _is_count,
    "at_utc": _is_time,
    "detail": _is_text,
    "event_id": _is_count,
    "expert": _is_text,
    "temperature": _is_number,
    "entropy_nats": _is_number,
    "gate_weight": _is_number,
    "mark": lambda value: value in MARKS,
    "probabilities": _is_trace,
}


def checked(columns: Tuple[str, ...], row: Tuple[Any, ...]) -> Tuple[Any, ...]:
    """The row, if each of its values can be that column's. Raises RowDamaged."""
    for column, value in zip(columns, row):
        if not IS_VALID[column](value):
            raise RowDamaged("{} is {}".format(column, shown(value)))
    return row


def read_posterior(text: str) -> Dict[str, float]:
    """{label: probability} of a column of JSON. Raises RowDamaged."""
    try:
        posterior = parse_json(text.encode("utf-8"), "posterior", max_depth=1)
    except UserError as error:
        raise RowDamaged(str(error)) from None
    if not isinstance(posterior, dict) or not all(_is_number(p) and p is not True for p in posterior.values()):
        raise RowDamaged("posterior is {}".format(shown(text)))
    return posterior
