"""`cry-train infant-id`: an embedding judged on infants that it never heard, by folds or by a list of pairs."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import UserError
from training.data.corpora import Clip, read_corpora
from training.data.log_mel_frames import Frames
from training.data.splits import draw_folds, shortened
from training.infant_id.fitting import Settings, compared, embed, fit
from training.infant_id.material import infant_frames
from training.infant_id.model import mean_embedding
from training.infant_id.protocol import Infant, Pairs, infants_of, read_pairs
from training.infant_id.release import release
from training.infant_id.verification import Trials, cosine, equal_error_rate

REPORT, MODEL, SCORES = "report.json", "embedding.keras", "scores.csv"


def choose(data: Path, corpora: list[str]) -> list[Clip]:
    """The cries of some corpora, of all when none is named. Raises UserError when there are none."""
    clips = [clip for clip in read_corpora(data) if clip.detector_label == "cry"]
    clips = [clip for clip in clips if not corpora or clip.corpus in corpora]
    if not clips:
        raise UserError(f"{data / 'metadata.csv'} has no cry of {', '.join(corpora) or 'any corpus'}; name its corpora")
    return clips


def run_folds(
    clips: list[Clip],
    settings: Settings,
    n_folds: int,
    leave_out_single: bool,
    out: Path,
    start: Any = None,
    for_device: bool = False,
) -> dict[str, Any]:
    """Each fold's infants compared by an embedding that learnt from all others'; the report.

    for_device: one that learnt from all of them is written too, with the report's figures, see release.py.
    """
    infants = infants_of(clips, leave_out_single)
    frames = infant_frames(clips)
    platform = {clip.group_id: clip.platform for clip in clips}
    of_infant = [clips[infant.enrolled[0]] for infant in infants]
    folds = draw_folds(of_infant, n_folds, settings.seed)
    trials = []
    for fold in range(n_folds):
        known = [infant for infant, own in zip(infants, folds, strict=True) if own != fold]
        tested = [infant for infant, own in zip(infants, folds, strict=True) if own == fold]
        embedding = fit(frames, known, settings, out / "folds" / f"{fold}-seed{settings.seed}", start)
        trials.append(compared(embedding, frames, tested))
    report = {"settings": asdict(settings), "folds": n_folds, "all": summarised(trials, settings.seed)}
    if len(set(platform.values())) > 1:
        within = [within_platform(own, platform) for own in trials]
        report["within a platform"] = summarised(within, settings.seed)
    if for_device:
        embedding = fit(frames, infants, settings, out / "folds" / f"all-seed{settings.seed}", start)
        own = [clips[number] for infant in infants for number in (*infant.enrolled, *infant.tested)]
        release(embedding, own, without_nan(report["all"]), settings.seed, out)
    write(report, out)
    return report


def summarised(trials: list[Trials], seed: int) -> dict[str, Any]:
    """All folds' pairs together; no pair is of two folds, as no embedding judged it."""
    names = [name for own in trials for name in own.enrolled]
    scores, pairs = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)), bool)
    first = 0
    for own in trials:
        part = slice(first, first + len(own.enrolled))
        scores[part, part] = own.scores
        pairs[part, part] = True if own.compared is None else own.compared
        first = part.stop
    return Trials(scores, names, names, pairs).summary(seed)


def within_platform(trials: Trials, platform: dict[str, str]) -> Trials:
    """Pairs whose recordings are of one platform: a phone is not an infant."""
    own = np.array([platform[name] for name in trials.enrolled])
    return Trials(trials.scores, trials.enrolled, trials.tested, own[:, None] == own)


def run_pairs(clips: list[Clip], settings: Settings, pairs_file: Path, out: Path, start: Any = None) -> dict[str, Any]:
    """A list of pairs scored by an embedding that learnt from all infants that are in none of them."""
    pairs = read_pairs(pairs_file)
    listed = {*pairs.birth, *pairs.discharge}
    infants = {infant.name: infant for infant in infants_of(clips, leave_out_single=True)}
    short = {short_name(name): name for name in infants}
    missing = sorted(name for name in listed if short_name(name) not in short)
    if missing:
        raise UserError(f"{pairs_file} names infants without clips of two periods: {shortened(missing)}")
    judged = {short[short_name(name)] for name in listed}
    known = [infant for name, infant in infants.items() if name not in judged]
    if len(known) < 2:
        raise UserError(f"{len(known)} infants are in no pair of {pairs_file}, at least 2 are needed to learn from")
    frames = infant_frames(clips)
    embedding = fit(frames, known, settings, out / "folds" / f"pairs-seed{settings.seed}", start)
    embedding.save(out / MODEL)
    scores = score_pairs(embedding, frames, infants, [(short[short_name(a)], short[short_name(b)]) for a, b in
                                                      zip(pairs.birth, pairs.discharge, strict=True)])  # fmt: skip
    with (out / SCORES).open("w", newline="") as file:
        csv.writer(file).writerows(
            [("baby_id_B", "baby_id_D", "score"), *zip(pairs.birth, pairs.discharge, scores, strict=True)]
        )
    report = {"settings": asdict(settings), "pairs": len(scores), "eer": error_of(pairs, np.array(scores))}
    write(report, out)
    return report


def error_of(pairs: Pairs, scores: np.ndarray) -> float | None:
    """The EER where the list tells who is who."""
    if pairs.label is None or len(set(pairs.label)) < 2:
        return None
    return equal_error_rate(scores[pairs.label == 1], scores[pairs.label == 0])


def score_pairs(
    embedding: Any, frames: Frames, infants: dict[str, Infant], pairs: list[tuple[str, str]]
) -> list[float]:
    """The cosine of each pair, of an infant's first period with another's second."""
    first = {name: mean_of(embedding, frames, infants[name].enrolled) for name in {a for a, _ in pairs}}
    second = {name: mean_of(embedding, frames, infants[name].tested) for name in {b for _, b in pairs}}
    return [float(cosine(first[a][None], second[b][None])[0, 0]) for a, b in pairs]


def mean_of(embedding: Any, frames: Frames, clips: list[int]) -> np.ndarray:
    """One vector of some clips."""
    return mean_embedding(embed(embedding, frames.take(frames.of(clips))))


def short_name(name: str) -> str:
    """An infant's name as its corpus writes it: groups begin with the corpus."""
    return name.lower().removeprefix("cryceleb_")


def write(report: dict[str, Any], out: Path) -> None:
    """Write report.json, without nan."""
    out.mkdir(parents=True, exist_ok=True)
    (out / REPORT).write_text(json.dumps(without_nan(report), indent=1) + "\n")


def without_nan(value: Any) -> Any:
    """None in place of nan, at any depth."""
    if isinstance(value, dict):
        return {key: without_nan(own) for key, own in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
