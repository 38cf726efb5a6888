"""What both networks answer on every recording, kept on disk: the detector of the fold that never heard it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training.data.corpora import Clip, read_corpora, read_samples
from training.verifier.config import CLASSES, LOWEST_GATE
from training.verifier.hearing import Heard, Network, hear, wherever_suspicious

VERSION = 1
KEEP_EVERY = 500  # clips
MOST_OF_A_SOURCE = 1500  # clips
DIGITS = "fsdd"


def material(folders: Sequence[Path], seed: int = 0) -> list[Clip]:
    """What a cascade is fitted on and judged with: every clip but digits, of a source with very many so many drawn."""
    by_source: dict[str, list[Clip]] = {}
    for folder in folders:
        for clip in read_corpora(folder):
            if clip.corpus != DIGITS:
                by_source.setdefault(clip.corpus, []).append(clip)
    rng = np.random.default_rng(seed)
    return [
        of_source[i]
        for of_source in by_source.values()
        for i in np.sort(rng.permutation(len(of_source))[:MOST_OF_A_SOURCE])
    ]


def hear_all(clips: Sequence[Clip], detectors: dict[int, Network], verifier: Network, work: Path) -> list[Heard]:
    """Each clip as heard by the detector of its eval_fold; interrupted, it goes on where it was."""
    work.mkdir(parents=True, exist_ok=True)
    heard: list[Heard] = []
    for first in tqdm(range(0, len(clips), KEEP_EVERY), desc="hearing", mininterval=5):
        part = clips[first : first + KEEP_EVERY]
        recipe = [VERSION, CLASSES, LOWEST_GATE, [clip.path.as_posix() for clip in part], [c.eval_fold for c in part]]
        file = work / f"heard-{hashlib.sha256(json.dumps(recipe).encode()).hexdigest()[:16]}.npz"
        if not file.is_file():
            keep(
                file,
                [hear(read_samples(clip), detectors[clip.eval_fold], verifier, wherever_suspicious) for clip in part],
            )
        heard += kept(file)
    return heard


def keep(file: Path, heard: Sequence[Heard]) -> None:
    """Write answers, all or nothing."""
    partial = file.with_suffix(".partial.npz")
    np.savez_compressed(
        partial,
        frames=[len(h.detector) for h in heard],
        hops=[len(h.levels_dbfs) for h in heard],
        detector=np.concatenate([h.detector for h in heard]),
        verifier=np.concatenate([h.verifier for h in heard]),
        levels=np.concatenate([h.levels_dbfs for h in heard]).astype(np.float32),
    )
    partial.replace(file)


def kept(file: Path) -> list[Heard]:
    """What keep() wrote."""
    with np.load(file) as stored:
        ends, hops = np.cumsum(stored["frames"])[:-1], np.cumsum(stored["hops"])[:-1]
        rows = zip(
            np.split(stored["detector"], ends),
            np.split(stored["verifier"], ends),
            np.split(stored["levels"], hops),
            strict=True,
        )
        return [Heard(*row) for row in rows]
