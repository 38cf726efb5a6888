"""The infant that was enrolled: one mean direction, in a file beside the database that its user alone can read."""

import json
import math
import os
import time
from typing import NamedTuple

import numpy as np

from edge.errors import UserError
from edge.files import remove_file, write_whole
from edge.log import iso_utc
from edge.text import shown
from edge.untrusted import read_json

SUFFIX = ".infant.json"  # after the name of the database
SCHEMA = 1
MOST_BYTES = 200000
LEAST_CRIES, LEAST_S = 3, 10  # of an enrolment: fewer are a moment, and no infant
ADVICE = "enrol again with cry-monitor enrol, or remove it with cry-monitor enrol --forget"


class Enrolment(NamedTuple):
    """What stands in the file."""

    mean: np.ndarray  # (dimensions,) float64
    model_sha256: str  # of the embedding model whose directions these are
    made_utc: str
    cries: int
    seconds: int


def path_beside(database):
    """Where it is."""
    return database + SUFFIX


def enrolment_of(cries, network):
    """The Enrolment of some edge.infant.waiting.Cry: the mean over their seconds. Raises UserError for too few."""
    seconds = sum(cry.seconds for cry in cries)
    if len(cries) < LEAST_CRIES or seconds < LEAST_S:
        raise UserError(
            "{} marked cries of {} s in all wait in memory, at least {} of {} s are needed: mark more as cries, within "
            "a day of each".format(len(cries), seconds, LEAST_CRIES, LEAST_S)
        )
    mean = sum(cry.seconds * cry.mean for cry in cries) / seconds
    return Enrolment(mean, network.sha256, iso_utc(time.time()), len(cries), seconds)


def write_enrolment(database, enrolment):
    """Write it in place of another; returns the path. Raises UserError."""
    path = path_beside(database)
    fields = dict(enrolment._asdict(), schema=SCHEMA, mean=[round(float(value), 6) for value in enrolment.mean])
    try:
        write_whole(path, [(json.dumps(fields, sort_keys=True) + "\n").encode("ascii")], private=True)
    except OSError as error:
        raise UserError(
            "{}: cannot be written ({}): nobody is enrolled anew".format(path, error.strerror or error)
        ) from error
    return path


def remove_enrolment(database):
    """Remove it; whether it was there. Raises UserError."""
    return remove_file(path_beside(database))


def read_enrolment(database):
    """What stands there; None where nothing does. Raises UserError."""
    path = path_beside(database)
    if not os.path.lexists(path):
        return None
    fields = read_json(path, MOST_BYTES, max_depth=2, advice=ADVICE)
    fields = fields if isinstance(fields, dict) else {}
    for name, is_valid in _IS_VALID.items():
        if not is_valid(fields.get(name)):
            raise UserError("{}: {} is {}: {}".format(path, name, shown(fields.get(name)), ADVICE))
    return Enrolment(np.array(fields["mean"], np.float64), *[fields[name] for name in Enrolment._fields[1:]])


def check_model(enrolment, network, database):
    """Raise UserError unless the directions are those of this embedding model."""
    if enrolment.model_sha256 != network.sha256 or enrolment.mean.shape != (network.dimensions,):
        raise UserError(
            "{}: the infant was enrolled with another embedding model: {}".format(path_beside(database), ADVICE)
        )


def cosine(a, b):
    """How like one another two vectors are, -1..1; 0 of one without a direction."""
    length = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / length if length > 0.0 else 0.0


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_text(value):
    return isinstance(value, str) and 0 < len(value) <= 100


_IS_VALID = {
    "schema": lambda value: value == SCHEMA,
    "mean": lambda value: isinstance(value, list) and len(value) > 1 and all(map(_is_number, value)) and any(value),
    "model_sha256": _is_text,
    "made_utc": _is_text,
    "cries": _is_count,
    "seconds": _is_count,
}
