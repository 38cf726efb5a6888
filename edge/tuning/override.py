"""The file beside the database that `cry-monitor run` reads this home's thresholds from: thresholds, never weights."""

import math
import os
import time
from typing import Any, Dict, NamedTuple, Optional

from edge.bundle.model import Decision, Thresholds
from edge.errors import UserError
from edge.files import remove_file, write_whole
from edge.log import iso_utc
from edge.text import shown
from edge.untrusted import read_toml

SUFFIX = ".tuned.toml"  # after the name of the database
SCHEMA = 1
MOST_BYTES = 10000
ADVICE = "make it anew with cry-monitor tune --write, or remove it with cry-monitor tune --reset"
TEXT = """# Thresholds of this home, written by `cry-monitor tune`. `cry-monitor tune --reset` removes them.
schema = {schema}
made_utc = "{made_utc}"
bundle_sha256 = "{bundle_sha256}"  # of the bundle that they are for: with another they are passed over
role = "{role}"  # whose probability they are for
open_threshold = {open_threshold!r}
close_threshold = {close_threshold!r}
lasting_threshold = {lasting_threshold!r}
# What they came to on the nights that they were chosen by.
nights = {nights}
alarms_a_night = {alarms_a_night!r}
cries = {cries}
cries_found = {cries_found}
"""
NUMBERS = ("open_threshold", "close_threshold", "lasting_threshold", "alarms_a_night")
COUNTS = ("schema", "nights", "cries", "cries_found")
TEXTS = ("made_utc", "bundle_sha256", "role")


class Override(NamedTuple):
    """What stands in the file."""

    thresholds: Thresholds
    fields: Dict[str, Any]

    def said(self, path: str) -> str:
        """One line of what holds, and where it comes from."""
        thresholds = "open {:g}, close {:g}, lasting {:g}".format(*self.thresholds)
        return (
            "thresholds are this home's ({}): on its {nights} marked nights {alarms_a_night:.2g} false alarms a night, "
            "{cries_found} of {cries} cries found; {}".format(thresholds, path, **self.fields)
        )


def path_beside(database: str) -> str:
    """Where it is."""
    return database + SUFFIX


def write_override(database: str, choice, bundle) -> str:
    """Write a Choice of edge.tuning.trade for a Bundle; returns the path. Raises UserError."""
    path = path_beside(database)
    text = TEXT.format(
        schema=SCHEMA,
        made_utc=iso_utc(time.time()),
        bundle_sha256=bundle.sha256,
        role=bundle.deciding_role,
        nights=choice.nights,
        alarms_a_night=choice.alarms_a_night,
        cries=choice.cries,
        cries_found=choice.found,
        **choice.thresholds._asdict(),
    )
    try:
        write_whole(path, [text.encode("ascii")])
    except OSError as error:
        raise UserError(
            "{}: cannot be written ({}): run it as who may".format(path, error.strerror or error)
        ) from error
    return path


def remove_override(database: str) -> bool:
    """Remove it; whether it was there. Raises UserError."""
    return remove_file(path_beside(database))


def read_override(database: str) -> Optional[Override]:
    """What stands there; None where nothing does. Raises UserError."""
    path = path_beside(database)
    if not os.path.lexists(path):
        return None
    fields = read_toml(path, MOST_BYTES, advice=ADVICE)
    for names, is_valid in ((NUMBERS, _is_number), (COUNTS, _is_count), (TEXTS, _is_text)):
        for name in names:
            if not is_valid(fields.get(name)):
                raise UserError("{}: {} is {}: {}".format(path, name, shown(fields.get(name)), ADVICE))
    unknown = set(fields) - set(NUMBERS + COUNTS + TEXTS)
    if unknown or fields["schema"] != SCHEMA:
        raise UserError("{}: it is of another version: {}".format(path, ADVICE))
    thresholds = Thresholds(*[fields[name] for name in NUMBERS[:3]])
    if not 0.0 < thresholds.close_threshold <= thresholds.open_threshold <= 1.0 or not 0.0 < fields[NUMBERS[2]] <= 1.0:
        raise UserError("{}: thresholds {} cannot be: {}".format(path, tuple(thresholds), ADVICE))
    return Override(thresholds, fields)


def _is_number(value):
    return isinstance(value, float) and math.isfinite(value) and value >= 0.0


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value):
    return isinstance(value, str)


def with_override(bundle, database: str):
    """The Bundle, with the thresholds that stand beside the database. Raises UserError when they are not for it."""
    override = read_override(database)
    if override is None:
        return bundle
    path = path_beside(database)
    if override.fields["bundle_sha256"] != bundle.sha256:
        raise UserError("{}: it is for another bundle than {} {}: {}".format(path, bundle.name, bundle.version, ADVICE))
    if override.fields["role"] != bundle.deciding_role:
        raise UserError(
            "{}: it is for the {}'s probability, and the {} decides: {}".format(
                path, shown(override.fields["role"]), bundle.deciding_role, ADVICE
            )
        )
    return bundle._replace(tuned=Decision(override.thresholds, {}, override.said(path)))
