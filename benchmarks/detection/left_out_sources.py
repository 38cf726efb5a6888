"""Detection, whole sources left out: slopes and gate of the cascade chosen, bias and scale fitted without each in turn.

    python -m benchmarks.detection.left_out_sources --data DIR --also DIR --yamnet FILE [--work DIR]

A source is a whole corpus or package, cries and others. A source of cries alone is judged against the others of all
sources, one of other sounds alone with the cries of all. Clip score: the largest smoothed p(cry) that the device would
show. The detectors are those of the folds: they never heard the clip, but other clips of its source. Rows "detector
too" are of detectors that were trained without the whole source (`cry-train detector --without SOURCE`, where others'
cries are needed with --fold besides, exported to detector_folds/without-*): a source without other sounds of its own is
judged there among those of the packages, of which no detector heard anything.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.lib.record import FOLD_BUNDLES, record, recorded
from benchmarks.lib.statistics import (
    RANKING_METRICS,
    group_bootstrap,
    paired_bootstrap,
    ranking,
    recall_at_false_positive_rate,
    with_interval,
)
from benchmarks.lib.yamnet import Yamnet
from edge.bundle.model import Cascade
from edge.untrusted import read_json
from training.data.corpora import CRY, FOLDS, NONCRY, UNVERIFIED, Clip, read_corpora, read_samples
from training.verifier.config import GATE, SLOPES, cascade
from training.verifier.fusion import clip_scores, fit
from training.verifier.hearing import Heard, Network, tflite_network
from training.verifier.material import hear_all, material
from training.verifier.release import fold_detectors, shipped_cascade, shipped_network

BABY_CRY_SLOPES = (0.5, 0.75, 1.0)
ANIMAL_AND_MUSIC_SLOPES = ((0.0, 0.0), (-0.15, 0.0), (-0.15, -0.1), (-0.3, -0.2))
GATES = (0.1, 0.2, 0.4)
RATES = (0.005, 0.01, 0.02, 0.05)  # false positives at which a choice is judged by its mean recall
FEWEST = 20  # clips of a source that are worth a row
WITH_INTERVALS = ("cascade", "YAMNet")
UNFITTED = cascade(0.0, 0.5, (1.0, 0.0, 0.0), 0.4)  # the mean of both logits
Choice = tuple[float, float, float, float]  # three slopes and the gate


def main() -> None:
    """Run the whole table, or its rows "detector too" alone."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--also", type=Path, required=True, help="folder of further sounds that are no cries")
    parser.add_argument("--yamnet", type=Path, required=True, help="yamnet.tflite, to stand beside")
    parser.add_argument("--work", type=Path, default=Path("results/verifier"), help="what was heard, kept")
    parser.add_argument("--seed", type=int, default=1, help="of the bootstrap")
    parser.add_argument("--detectors-only", action="store_true", help="all but these rows stay as they are recorded")
    arguments = parser.parse_args()
    every = material((arguments.data, arguments.also))
    known = [i for i, clip in enumerate(every) if clip.detector_label != UNVERIFIED]
    clips = [every[i] for i in known]
    packages = {clip.corpus for clip in read_corpora(arguments.also)}
    if arguments.detectors_only:
        rows = recorded("left_out_sources")["rows"]
    else:
        heard = hear_all(every, fold_detectors(FOLD_BUNDLES), shipped_network(), arguments.work)
        judge = Judge(
            clips, [heard[i] for i in known], yamnet_scores(clips, arguments.yamnet, arguments.work), arguments.seed
        )
        rows = {source: judge.row(source) for source in tqdm(judge.sources, desc="sources")}
    too = {}
    for source, row in rows.items():
        detectors = detectors_without(source)
        if detectors:
            own = [clip for clip in unheard_of(source, clips, packages) if clip.eval_fold in detectors]
            work = arguments.work / f"without-{source}"
            heard = hear_all(own, detectors, shipped_network(), work)
            too[source] = detector_row(row, own, heard, yamnet_scores(own, arguments.yamnet, work), arguments.seed)
    figures = {"seed": arguments.seed, "shipped": [*SLOPES, GATE], "rows": rows, "detector_too": too}
    record("left_out_sources", figures, table(figures))


def yamnet_scores(clips: Sequence[Clip], file: Path, work: Path) -> np.ndarray:
    """The rival's score of every clip, (clips,), kept."""
    kept = work / f"yamnet-scores-{len(clips)}.npy"
    if not kept.is_file():
        yamnet = Yamnet(file)
        np.save(kept, [yamnet.clip_score(read_samples(clip)) for clip in tqdm(clips, desc="YAMNet", mininterval=5)])
    return np.load(kept)


def detectors_without(source: str) -> dict[int, Network]:
    """The detectors that were trained without a whole source, by the fold that they did not hear either; may be none.

    One that heard all folds of the other sources serves every fold.
    """
    found: dict[int, Network] = {}
    for bundle in sorted(FOLD_BUNDLES.glob("without-*")):
        training = read_json(bundle / "manifest.json")["models"][0]["training"]
        if source in training["held_out_corpora"]:
            folds = FOLDS if training["held_out_fold"] is None else (training["held_out_fold"],)
            found |= dict.fromkeys(folds, tflite_network(bundle / "detector.int8.tflite"))
    return found


def unheard_of(source: str, clips: Sequence[Clip], packages: set[str]) -> list[Clip]:
    """A source's cries, or all of other folds; and its other sounds, or the packages': none taught these detectors."""
    own = [clip for clip in clips if clip.corpus == source]
    kinds = {clip.detector_label for clip in own}
    cries = [] if CRY in kinds else [clip for clip in clips if clip.detector_label == CRY]
    others = [] if NONCRY in kinds else [clip for clip in clips if clip.corpus in packages]
    return own + cries + others


def detector_row(
    row: dict[str, Any], clips: Sequence[Clip], heard: Sequence[Heard], yamnet: np.ndarray, seed: int
) -> dict[str, Any]:
    """A source as heard by detectors that were trained without it, and by the cascade that was fitted without it.

    row: of the same source, with the detectors of the folds.
    """
    *slopes, gate = row["chosen"]
    fitted = cascade(row["bias"], row["scale"], slopes, gate)
    scores = {"cascade": clip_scores(heard, fitted), "detector alone": clip_scores(heard, None), "YAMNet": yamnet}
    return judged(clips, scores, seed)


def judged(clips: Sequence[Clip], scores: dict[str, np.ndarray], seed: int) -> dict[str, Any]:
    """Metrics of each model's scores of some clips, YAMNet's among them."""
    is_cry, groups = np.array([clip.detector_label == CRY for clip in clips]), [clip.group_id for clip in clips]
    metrics = {
        name: group_bootstrap(is_cry, score, groups, seed)
        if name in WITH_INTERVALS
        else {metric: (value, None, None) for metric, value in zip(RANKING_METRICS, ranking(is_cry, score))}
        for name, score in scores.items()
    }
    less = paired_bootstrap(is_cry, scores["cascade"], scores["YAMNet"], groups, seed)
    return {"cries": int(is_cry.sum()), "others": int((~is_cry).sum()), "models": metrics, "less_yamnet": less}


class Judge:
    """Every clip's score under every choice, and what is chosen without a source."""

    def __init__(self, clips: Sequence[Clip], heard: Sequence[Heard], yamnet: np.ndarray, seed: int):
        self.clips, self.heard, self.yamnet, self.seed = clips, heard, yamnet, seed
        self.source = np.array([clip.corpus for clip in clips])
        self.is_cry = np.array([clip.detector_label == CRY for clip in clips])
        self.sources = [str(s) for s in np.unique(self.source) if (self.source == s).sum() >= FEWEST]
        self.alone = clip_scores(heard, None)
        choices = itertools.product(BABY_CRY_SLOPES, ANIMAL_AND_MUSIC_SLOPES, GATES)
        every = [(baby, *others, gate) for baby, others, gate in choices]
        self.ranking = {choice: clip_scores(heard, unscaled(choice)) for choice in tqdm(every, desc="choices")}

    def choose(self, without: str) -> Choice:
        """The slopes and the gate that are best on all other sources."""
        rows = self.source != without

        def goodness(choice: Choice) -> float:
            score = self.ranking[choice][rows]
            return float(np.mean([recall_at_false_positive_rate(self.is_cry[rows], score, r) for r in RATES]))

        return max(self.ranking, key=goodness)

    def row(self, source: str) -> dict[str, Any]:
        """One source: metrics of each model on it, and what was chosen without it."""
        own = self.source == source
        cries = own & self.is_cry if (own & self.is_cry).any() else self.is_cry
        others = own & ~self.is_cry if (own & ~self.is_cry).any() else ~self.is_cry
        rows = np.flatnonzero(cries | others).tolist()
        chosen = self.choose(source)
        kept = np.flatnonzero(~own).tolist()
        fitted = fit([self.clips[i] for i in kept], [self.heard[i] for i in kept], chosen[:3], chosen[3])
        heard = [self.heard[i] for i in rows]
        scores = {
            "cascade": clip_scores(heard, fitted),
            "as shipped": clip_scores(heard, shipped_cascade()),
            "unfitted mean": clip_scores(heard, UNFITTED),
            "detector alone": self.alone[rows],
            "YAMNet": self.yamnet[rows],
        }
        fit_of = {"chosen": chosen, "scale": fitted.detector_weight, "bias": fitted.bias}
        return {**fit_of, **judged([self.clips[i] for i in rows], scores, self.seed)}


def unscaled(choice: Choice) -> Cascade:
    """A choice with a scale that keeps clips apart where they rank; fitting changes no rank but through smoothing."""
    return cascade(1.0, 0.33, choice[:3], choice[3])


def table(figures: dict[str, Any]) -> str:
    """Markdown: AUC and recall at 1 % of each model, source by source; then what was chosen without each."""
    rows = figures["rows"]
    models = list(next(iter(rows.values()))["models"])
    metrics = ("AUC", "recall at 5 % FP", "recall at 1 % FP")
    lines = ["| source left out | clips: cries, others | model | " + " | ".join(metrics) + " |", "|---" * 6 + "|"]
    too = {f"{source}, detector too": row for source, row in figures["detector_too"].items()}
    for source, row in {**rows, **too}.items():
        for model in row["models"]:
            cells = [with_interval(*row["models"][model][metric]) for metric in metrics]
            lines.append(f"| {source} | {row['cries']}, {row['others']} | {model} | " + " | ".join(cells) + " |")
        cells = ["{:+.3f} ({:+.3f} to {:+.3f})".format(*row["less_yamnet"][metric]) for metric in metrics]
        lines.append(f"| {source} | | cascade less YAMNet | " + " | ".join(cells) + " |")
    for model in models:
        means = [f"{np.mean([row['models'][model][metric][0] for row in rows.values()]):.3f}" for metric in metrics]
        lines.append(f"| mean of the sources | | {model} | " + " | ".join(means) + " |")
    lines += [
        "",
        "Chosen without each source: slopes of baby cry, animal and music beside the detector's 1; the gate.",
    ]
    lines += ["", "| without | slopes | gate | scale | bias |", "|---|---|---|---|---|"]
    for source, row in rows.items():
        *slopes, gate = row["chosen"]
        lines.append(f"| {source} | {slopes} | {gate} | {row['scale']:.3f} | {row['bias']:.3f} |")
    return "\n".join([*lines, "", f"What ships: slopes {figures['shipped'][:3]}, gate {figures['shipped'][3]}."])


if __name__ == "__main__":
    main()
