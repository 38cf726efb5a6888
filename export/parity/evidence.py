"""What the export of one model is judged on, and by what."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from edge.bundle import Bundle
from export.model import SourceModel
from export.networks import Feed, Stream
from export.parity.calibration import Provenance
from export.targets import Bounds


@dataclass(frozen=True)
class Compared:
    """A file's outputs beside Keras's, for the report."""

    parity: Any  # a dataclass with as_dict()
    worst: list[dict[str, Any]]  # the inputs whose output moved most
    errors: list[list[float | None]]  # [output of Keras, error of the file] of each input


class Comparison(Protocol):
    """By what outputs are judged."""

    def compare(self, reference: np.ndarray, outputs: np.ndarray) -> Compared:
        """Outputs of a file, (N, ...), beside those of Keras; of fewer rows, the first of them."""

    def violations(self, parity: Any, bounds: Bounds) -> list[str]:
        """Every bound that is not kept, in words."""


@dataclass(frozen=True)
class Evidence:
    """Inputs for the network that is converted, and what Keras says of them."""

    model: SourceModel  # with its temperature
    feeds: list[Feed]  # what int8 ranges are taken from
    streams: list[Stream]  # what parity is judged on
    reference: np.ndarray  # Keras's output at every step of every stream, (N, ...)
    comparison: Comparison
    raw: Any  # what the device is given to come to the same: its features, before any normalisation
    about: dict[str, Any]  # for the report: calibration, temperature, open_threshold
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    double: Callable[[], np.ndarray | None] = lambda: None  # the reference in double precision, where it can be had

    def check_on_device(self, bundle: Bundle, bounds: Bounds) -> None:
        """Raise UserError unless a bundle says on the device what Keras says."""
        self.model.kind.check_on_device(bundle, self, bounds)


WORST = 8


def worst_rows(errors: np.ndarray, provenance: list[Provenance]) -> list[tuple[int, dict[str, Any]]]:
    """(row, {clip, condition}) of the WORST largest errors (N,), largest first; NaN is larger than any."""
    order = np.argsort(-np.nan_to_num(errors, nan=np.inf), kind="stable")[:WORST]
    return [(int(n), {"clip": provenance[n].clip, "condition": provenance[n].condition}) for n in order]


def error_points(reference: np.ndarray, outputs: np.ndarray) -> list[list[float | None]]:
    """[value of Keras, error of the file] of each row of (N, K), of the value that is furthest off, for the plot."""
    errors = outputs - reference
    furthest = np.abs(np.nan_to_num(errors, nan=np.inf)).argmax(axis=1)
    rows = np.arange(len(errors))
    pairs = zip(reference[rows, furthest], errors[rows, furthest], strict=True)
    return [[finite(x, 4), finite(e, 6)] for x, e in pairs]


def finite(value: float, digits: int = 6) -> float | None:
    """A rounded number for JSON, which has no NaN."""
    return round(float(value), digits) if np.isfinite(value) else None
