"""Contexts that never heard a fold, a source, or both: what a judgement needs; each is fitted once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from edge.bundle.model import Cascade
from edge.untrusted import read_json
from training.verifier import context
from training.verifier.context import LEAST_SNR_DB, ContextWeights, Pieces, fit_context, joined, pieces_of
from training.verifier.nights import HeardNight

VERSION = 1
SETTINGS = (
    "UNITS",
    "FRAMES",
    "SOON",
    "PART",
    "OTHERS_WEIGHT",
    "OTHERS_PER_CRY",
    "LEAST_SNR_DB",
    "STEPS",
    "BATCH",
    "LEARNING_RATE",
    "WEIGHT_DECAY",
)


class HeldOut:
    """Contexts that learned from some of these nights."""

    def __init__(self, nights: Sequence[HeardNight], cascade: Cascade, work: Path):
        """cascade: when the verifier is asked. work: where contexts are kept."""
        self._nights = [night for night in nights if night.snr_db is None or night.snr_db >= LEAST_SNR_DB]
        self._cascade = cascade
        self._work = work

    @cached_property
    def _pieces(self) -> list[Pieces]:
        return [pieces_of(night, self._cascade) for night in self._nights]

    def without(self, fold: int | None = None, source: str | None = None) -> ContextWeights:
        """A context that never heard this fold nor the sounds of this source."""
        used = [i for i, n in enumerate(self._nights) if n.fold != fold and (source is None or n.source != source)]
        recipe = [VERSION, self._cascade._asdict(), {name: getattr(context, name) for name in SETTINGS}]
        recipe += [[(self._nights[i].name, len(self._nights[i].heard.detector)) for i in used]]
        file = self._work / f"context-{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]}.json"
        if not file.is_file():
            fitted = fit_context(*joined([self._nights[i] for i in used], [self._pieces[i] for i in used]))
            partial = file.with_suffix(".partial")
            partial.write_text(json.dumps(fitted._asdict()))
            partial.replace(file)
        return ContextWeights(**read_json(file, finite=False))
