"""Nights as both networks heard them, kept on disk: what a context learns from and thresholds are chosen on.

Each fold's nights are made of what its detector never heard, and heard by that detector. Nights without cries hold the
sounds of one source each, every sound once. Cries come as recorded, long and single, at several levels.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from training.data.corpora import CRY, FOLDS, Clip, read_corpora, split_by_fold
from training.data.nights import (
    AS_RECORDED,
    LONG,
    SINGLE,
    Cry,
    Kind,
    Night,
    around_cries,
    mix_night,
    mix_others,
    others_of,
    recorded_cries,
)
from training.verifier.hearing import Heard, Network, hear, wherever_suspicious
from training.verifier.material import keep, kept

KINDS = (LONG, SINGLE)
SNRS_DB = (10, 5, 0, -5)
HOURS = 1.0  # of a night with cries


@dataclass(frozen=True)
class HeardNight:
    """A night: source, of one without cries; kind and SNR (None: as recorded), of one with cries; their truth."""

    fold: int
    source: str | None
    kind: Kind | None
    snr_db: int | None
    cries: Sequence[Cry]
    heard: Heard

    @property
    def name(self) -> str:
        """For files and tables."""
        if self.kind is None:
            return f"{self.source}-{self.fold}"
        level = "as-recorded" if self.snr_db is None else f"{self.kind.per_hour}-{self.snr_db}dB"
        return f"cries-{level}-{self.fold}"


@dataclass(frozen=True)
class Plan:
    """A night before it is heard."""

    about: HeardNight  # without what was heard
    mix: Callable[[], Night]


def hear_nights(
    data: Path, also: Sequence[Path], detectors: dict[int, Network], verifier: Network, work: Path, seed: int
) -> list[HeardNight]:
    """Every night of every fold; interrupted, it goes on where it was."""
    work.mkdir(parents=True, exist_ok=True)
    clips = read_corpora(data)
    further = [clip for folder in also for clip in read_corpora(folder)]
    plans = [plan for fold in FOLDS for plan in planned(clips, further, fold, seed)]
    nights = []
    for plan in tqdm(plans, desc="nights", mininterval=5):
        nights.append(once(plan, work, detectors[plan.about.fold], verifier))
    return nights


def planned(clips: Sequence[Clip], further: Sequence[Clip], fold: int, seed: int) -> Iterator[Plan]:
    """The nights of a fold."""
    _, held_out = split_by_fold(clips, fold)
    others = others_of([*held_out, *(clip for clip in further if clip.eval_fold == fold)])
    for source in sorted({clip.corpus for clip in others}):
        sounds = [clip for clip in others if clip.corpus == source]
        yield Plan(nothing_heard(fold, source=source), partial(mix_others, sounds, seed + fold))
    for kind, snr_db in itertools.product(KINDS, SNRS_DB):
        mix = partial(mixed_around_cries, held_out, snr_db, seed + fold, kind)
        yield Plan(nothing_heard(fold, kind=kind, snr_db=snr_db), mix)
    cries = [clip for clip in held_out if clip.detector_label == CRY]
    yield Plan(nothing_heard(fold, kind=AS_RECORDED), partial(recorded_cries, cries, seed + fold))


def nothing_heard(
    fold: int, source: str | None = None, kind: Kind | None = None, snr_db: int | None = None
) -> HeardNight:
    """What a night is to be."""
    return HeardNight(fold, source, kind, snr_db, [], Heard(*[[]] * 3))  # type: ignore[arg-type]


def mixed_around_cries(clips: Sequence[Clip], snr_db: float, seed: int, kind: Kind) -> Night:
    """What lies around the cries of a night."""
    return around_cries(mix_night(clips, HOURS * 3600, snr_db, seed, kind))


def once(plan: Plan, work: Path, detector: Network, verifier: Network) -> HeardNight:
    """A night as it was heard: now, or before."""
    about = plan.about
    file, truth = work / f"{about.name}.npz", work / f"{about.name}.json"
    if not file.is_file():
        night = plan.mix()
        truth.write_text(json.dumps([asdict(cry) for cry in night.cries]))
        keep(file, [hear(night.samples, detector, verifier, wherever_suspicious)])
    cries = [Cry(**cry) for cry in json.loads(truth.read_text())]
    return HeardNight(about.fold, about.source, about.kind, about.snr_db, cries, kept(file)[0])
