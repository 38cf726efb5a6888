"""Detection, clip level: each clip heard by the models of the fold that held it out, beside YAMNet on the same samples.

    python -m benchmarks.detection.detection_clips --data DIR [--yamnet FILE] [--also DIR] [--work DIR]

A clip's score is the largest smoothed probability that the device would show: "ours" of detector and verifier together,
"detector alone" without the second opinion; "verifier alone" is the largest logit of a crying baby in our float copy of
YAMNet, asked every 0.6 s and where the detector is suspicious; "with context" follows both networks' answers with the
context of the nights that never heard the clip's fold, where --also names the further sounds of detection_nights;
"YAMNet" is the file as people use it. Digits and `unverified` clips are never scored.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import group_bootstrap, paired_bootstrap
from benchmarks.lib.yamnet import Yamnet
from edge.decision.second_opinion import HOPS_WHILE_CRYING
from training.data.augmentation import band_limit
from training.data.corpora import CRY, FOLDS, UNVERIFIED, Clip, read_corpora, read_samples, split_by_fold
from training.verifier.context import ContextWeights, given, in_context
from training.verifier.fusion import clip_scores, largest
from training.verifier.hearing import Heard, hear, wherever_suspicious
from training.verifier.held_out import HeldOut
from training.verifier.material import keep, kept
from training.verifier.nights import hear_nights
from training.verifier.release import fold_detectors, shipped_cascade, shipped_network

NARROW_BAND_HZ = 3400.0
BANDS = {"full band": lambda x: x, "below 3.4 kHz": lambda x: band_limit(x, 0.0, NARROW_BAND_HZ)}
OURS, YAMNET = "ours", "YAMNet"
Scores = dict[tuple[str, str], np.ndarray]  # (model, band) -> one of each clip


def hear_clips(clips: Sequence[Clip], band: str, work: Path) -> list[Heard]:
    """Both networks on every clip in a band, kept."""
    file = work / f"clips-{band.replace(' ', '-')}.npz"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        detectors, verifier = fold_detectors(FOLD_BUNDLES), shipped_network()
        heard = []
        for clip in tqdm(clips, desc=band, mininterval=5):
            samples = BANDS[band](read_samples(clip))
            heard.append(hear(samples, detectors[clip.eval_fold], verifier, asked))
        keep(file, heard)
    return kept(file)


def asked(heard: Heard) -> np.ndarray:
    """The frames in which any model asks, and one each 0.6 s for the verifier alone."""
    return np.union1d(wherever_suspicious(heard), np.arange(0, len(heard.detector), HOPS_WHILE_CRYING))


def all_scores(clips: Sequence[Clip], yamnet: Path | None, contexts: dict[int, ContextWeights], work: Path) -> Scores:
    """Every model's score of every clip in both bands, all on the same samples. contexts: by fold, or none."""
    scores: Scores = {}
    for band in BANDS:
        heard = hear_clips(clips, band, work)
        scores[OURS, band] = clip_scores(heard, shipped_cascade())
        scores["detector alone", band] = clip_scores(heard, None)
        scores["verifier alone", band] = np.array([np.nanmax(answers.verifier[:, 0]) for answers in heard])
        if contexts:
            scores["with context", band] = context_scores(clips, heard, contexts)
        if yamnet:
            scores[YAMNET, band] = rival_scores(clips, band, yamnet, work)
    return scores


def contexts_of_folds(data: Path, also: Sequence[Path], work: Path, seed: int) -> dict[int, ContextWeights]:
    """The context that never heard a fold, for each; nights are those of detection_nights, kept in `work`."""
    if not also:
        return {}
    nights = hear_nights(data, also, fold_detectors(FOLD_BUNDLES), shipped_network(), work, seed)
    held_out = HeldOut(nights, shipped_cascade(), work)
    return {fold: held_out.without(fold) for fold in FOLDS}


def context_scores(clips: Sequence[Clip], heard: Sequence[Heard], contexts: dict[int, ContextWeights]) -> np.ndarray:
    """The largest smoothed p(cry) of every clip in the context of its fold, (clips,)."""
    scores = np.zeros(len(clips))
    for fold, context in contexts.items():
        own = [i for i, clip in enumerate(clips) if clip.eval_fold == fold]
        rows = [given(heard[i], shipped_cascade()) for i in own]
        scores[own] = [largest(p) for p in in_context(rows, context)]
    return scores


def rival_scores(clips: Sequence[Clip], band: str, yamnet: Path, work: Path) -> np.ndarray:
    """YAMNet's score of every clip in a band, (clips,), kept."""
    file = work / f"yamnet-{band.replace(' ', '-')}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        rival, limit = Yamnet(yamnet), BANDS[band]
        found = [rival.clip_score(limit(read_samples(clip))) for clip in tqdm(clips, desc="YAMNet", mininterval=5)]
        np.save(file, found)
    return np.load(file)


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--yamnet", type=Path, help="yamnet.tflite, to stand beside")
    parser.add_argument("--also", type=Path, action="append", default=[], help="as in detection_nights: with context")
    parser.add_argument("--work", type=Path, default=Path("results/clips"), help="what was heard of clips, kept")
    parser.add_argument("--nights", type=Path, default=Path("results/verifier"), help="--work of detection_nights")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    arguments = parser.parse_args()
    clips = [c for c in read_corpora(arguments.data) if c.detector_label != UNVERIFIED and c.corpus != "fsdd"]
    for fold in FOLDS:
        split_by_fold(clips, fold)  # refuses a fold that divides a group
    contexts = contexts_of_folds(arguments.data, arguments.also, arguments.nights, arguments.seed)
    scores = all_scores(clips, arguments.yamnet, contexts, arguments.work)
    is_cry = np.array([clip.detector_label == CRY for clip in clips])
    groups = [clip.group_id for clip in clips]
    seed = arguments.seed
    figures: dict[str, Any] = {
        "seed": seed,
        "cries": int(is_cry.sum()),
        "others": int((~is_cry).sum()),
        "rows": {f"{name}, {band}": group_bootstrap(is_cry, s, groups, seed) for (name, band), s in scores.items()},
        "less_yamnet": {
            band: paired_bootstrap(is_cry, scores[OURS, band], scores[YAMNET, band], groups, seed)
            for band in BANDS
            if (YAMNET, band) in scores
        },
        "false_positive_share_per_set": per_set(clips, is_cry, scores),
        "mistaken_at_5_percent": mistaken(clips, scores[OURS, "full band"], ~is_cry),
    }
    record("detection_clips", figures, table(figures))


def mistaken(clips: Sequence[Clip], score: np.ndarray, others: np.ndarray) -> dict[str, int]:
    """What the twentieth of the others is that sounds most like a cry: clips by kind, the most frequent first."""
    ranked = [i for i in np.argsort(-score) if others[i]]
    kinds = Counter(f"{clips[i].corpus} {clips[i].label}" for i in ranked[: len(ranked) // 20])
    return dict(kinds.most_common())


def per_set(clips: Sequence[Clip], is_cry: np.ndarray, scores: Scores) -> dict:
    """At each row's threshold for 1 % false positives: share above it, per corpus and kind."""
    result: dict[str, dict[str, float]] = {}
    for (name, band), score in scores.items():
        others = np.sort(score[~is_cry])[::-1]
        above = score > others[int(0.01 * len(others))]
        kinds = np.array([f"{clip.corpus} {clip.detector_label}" for clip in clips])
        result[f"{name}, {band}"] = {kind: float(above[kinds == kind].mean()) for kind in np.unique(kinds)}
    return result


def table(figures: dict) -> str:
    """Markdown: the headline, then what each set does at 1 % false positives."""
    metrics = list(next(iter(figures["rows"].values())))
    lines = ["| | " + " | ".join(metrics) + " |", "|---" * (1 + len(metrics)) + "|"]
    for name, row in figures["rows"].items():
        cells = [f"{value:.3f} ({low:.3f} - {high:.3f})" for value, low, high in row.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    for band, row in figures["less_yamnet"].items():
        cells = [f"{value:+.3f} ({low:+.3f} to {high:+.3f})" for value, low, high in row.values()]
        lines.append(f"| ours less YAMNet, {band} | " + " | ".join(cells) + " |")
    lines += ["", f"{figures['cries']} cry clips, {figures['others']} others, 95 % group-bootstrap intervals.", ""]
    shares = figures["false_positive_share_per_set"]
    kinds = list(next(iter(shares.values())))
    lines += ["| share above the 1 % threshold | " + " | ".join(kinds) + " |", "|---" * (1 + len(kinds)) + "|"]
    for name, row in shares.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[kind]:.3f}" for kind in kinds) + " |")
    kinds_mistaken = ", ".join(f"{kind} {n}" for kind, n in figures["mistaken_at_5_percent"].items())
    lines += ["", f"Taken for a cry at 5 % false positives, ours, full band, clips of each kind: {kinds_mistaken}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
