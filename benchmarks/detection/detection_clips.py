"""Detection, clip level: every clip heard by the model of the fold that held it out, beside YAMNet on the same samples.

    python -m benchmarks.detection.detection_clips --data DIR [--yamnet FILE]

A clip's score is the largest frame probability of the device's own pipeline. Digits (fsdd) stay out of the headline;
`unverified` clips are never scored.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import group_bootstrap
from benchmarks.lib.yamnet import Yamnet
from edge.bundle import load_bundle
from edge.pipeline import Pipeline
from edge.records import Frame
from training.data.augmentation import band_limit
from training.data.corpora import CRY, UNVERIFIED, Clip, read_corpora, read_samples, split_by_fold

FOLDS = (1, 2, 3, 4)
NARROW_BAND_HZ = 3400.0
BANDS = {"full band": lambda x: x, "below 3.4 kHz": lambda x: band_limit(x, 0.0, NARROW_BAND_HZ)}
Score = Callable[[Clip, np.ndarray], float]


def largest_probability(bundle, samples: np.ndarray) -> float:
    """Of the frames of one recording, through the pipeline as `cry-monitor analyze --frames` runs it."""
    pipeline = Pipeline(bundle)
    records = pipeline.push(samples) + pipeline.finish()
    return max(r.cry_probability for r in records if isinstance(r, Frame))


def all_scores(clips: Sequence[Clip], scorers: dict[str, Score]) -> dict[tuple[str, str], np.ndarray]:
    """{(scorer, band): (clips,) scores}, every scorer on the same samples."""
    scores = {(name, band): np.zeros(len(clips)) for name in scorers for band in BANDS}
    for number, clip in enumerate(tqdm(clips, desc="clips", mininterval=5)):
        full = read_samples(clip)
        for band, limit in BANDS.items():
            samples = limit(full)
            for name, score in scorers.items():
                scores[name, band][number] = score(clip, samples)
    return scores


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--yamnet", type=Path, help="yamnet.tflite, to stand beside")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    arguments = parser.parse_args()
    clips = [clip for clip in read_corpora(arguments.data) if clip.detector_label != UNVERIFIED]
    for fold in FOLDS:
        split_by_fold(clips, fold)  # refuses a fold that divides a group
    bundles = {fold: load_bundle(FOLD_BUNDLES / f"fold{fold}") for fold in FOLDS}
    scorers: dict[str, Score] = {"ours": lambda clip, x: largest_probability(bundles[clip.eval_fold], x)}
    if arguments.yamnet:
        yamnet = Yamnet(arguments.yamnet)
        scorers["YAMNet"] = lambda clip, x: yamnet.clip_score(x)
    scores = all_scores(clips, scorers)
    headline = np.array([clip.corpus != "fsdd" for clip in clips])
    is_cry = np.array([clip.detector_label == CRY for clip in clips])
    groups = np.array([clip.group_id for clip in clips])
    rows = {
        f"{name}, {band}": group_bootstrap(is_cry[headline], s[headline], groups[headline], arguments.seed)
        for (name, band), s in scores.items()
    }
    figures = {
        "seed": arguments.seed,
        "cries": int(is_cry[headline].sum()),
        "others": int((~is_cry[headline]).sum()),
        "rows": rows,
        "false_positive_share_per_set": per_set(clips, is_cry, scores, headline),
        "mistaken_at_5_percent": mistaken(clips, scores["ours", "full band"], headline & ~is_cry),
    }
    record("detection_clips", figures, table(figures))


def mistaken(clips: Sequence[Clip], score: np.ndarray, others: np.ndarray) -> dict[str, int]:
    """What the twentieth of the others is that sounds most like a cry: clips by kind, the most frequent first."""
    ranked = [i for i in np.argsort(-score) if others[i]]
    kinds = Counter(f"{clips[i].corpus} {clips[i].label}" for i in ranked[: len(ranked) // 20])
    return dict(kinds.most_common())


def per_set(clips: Sequence[Clip], is_cry: np.ndarray, scores: dict, headline: np.ndarray) -> dict:
    """At each row's threshold for 1 % false positives: share above it, per corpus and kind."""
    result: dict[str, dict[str, float]] = {}
    for (name, band), score in scores.items():
        others = np.sort(score[headline & ~is_cry])[::-1]
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
