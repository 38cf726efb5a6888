"""Cries against all that is no cry: does the frame expert's energy tell that a sound is none of those it knows?

    python -m benchmarks.studies.unknown_sounds --data DIR

About a quarter of an hour on one core with KERAS_BACKEND=torch; interrupted, it goes on with the next fold and seed.
Every clip, of whatever class, is limited to the same band, since cries were recorded by telephones and most others
were not. A fold's expert learns donateacry's causes, then a margin of its energy from ESC-50's cries and from the
other sounds of the other folds. Judged: max-softmax and energy before that and after, energy after temperature; the
same on only those clips that the detector, which did not hear the fold either, opens an episode for; and on classes
that another expert was never shown, neither as outliers nor as noise.

Tried before, on the same folds: preset `tiny`, half the steps, causes weighted by their rarity. Energy then told less
(AUROC .855), and worse after temperature (.62): where weighted causes hold nothing to learn the temperature ran to its
limit, and an energy at T = 20 is hardly more than the mean of the logits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_curve

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.lib.record import FOLD_BUNDLES, draw, record
from benchmarks.lib.roc_plot import roc_plot
from benchmarks.studies import transformer_study
from edge.bundle import load_bundle
from edge.decision.calibration import energy, fit_temperature, log_posterior
from edge.pipeline import Pipeline
from edge.records import Alert
from training.data.augmentation import band_limit
from training.data.corpora import CRY, UNVERIFIED, Clip, read_corpora, read_samples
from training.runs.bootstrap import bootstrap_interval
from training.transformer.config import Experiment, StageConfig
from training.transformer.material import LABELLED, Frames
from training.transformer.stage import Networks, Task

WORK = Path("results/unknown_sounds")
BAND_HZ = 3400.0  # what every recording has, telephones' too
CAUSES = "donateacry"
LEFT_OUT = "fsdd"  # digits: easy, and more than all others together
LEARNING = StageConfig("classifier", epochs=3, patience=3, learning_rate=2e-3)
BOOTSTRAP_ROUNDS = 1000
MARGINS = StageConfig("outliers", epochs=12, patience=12, learning_rate=3e-3)
FRAMES_PER_EPOCH = 1024
FRAMES_JUDGED = 16  # of each clip at most, evenly spread
BAR = 0.95
SOFTMAX, ENERGY, TEMPERED = "max-softmax", "energy", "energy after temperature"
SCORES: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {  # the higher the more it is a cry
    SOFTMAX: lambda logits, _: np.exp(log_posterior(logits).max(axis=1)),
    ENERGY: lambda logits, _: -energy(logits),
    TEMPERED: lambda logits, temperature: -energy(logits, temperature),
}
BEFORE, AFTER, UNSEEN = "before outliers", "after outliers", "without these classes"
SHOWN = (f"{SOFTMAX}, {BEFORE}", f"{ENERGY}, {BEFORE}", f"{SOFTMAX}, {AFTER}", f"{ENERGY}, {AFTER}",
         f"{TEMPERED}, {AFTER}")  # fmt: skip


def main() -> None:
    """Teach and judge what is not yet done, record the table and the plot."""
    arguments = transformer_study.arguments_of(__doc__, WORK, FRAMES_PER_EPOCH)
    seeds = arguments.seed or list(transformer_study.SEEDS)
    study = Study(arguments.data, arguments.work, arguments.frames_per_epoch)
    cells = [study.cell(fold, seed, False) for seed in seeds for fold in transformer_study.FOLDS]
    hidden = [study.cell(fold, seeds[0], True) for fold in transformer_study.FOLDS]
    let_through = {
        name: opens for fold in transformer_study.FOLDS for name, opens in study.heard_by_detector(fold).items()
    }
    rows = all_rows(study.clips, cells, hidden, let_through)
    figures = {
        "seeds": seeds, "folds": transformer_study.FOLDS, "split": "eval_fold, groups undivided", "band_hz": BAND_HZ,
        "epochs": {stage.kind: stage.epochs for stage in (LEARNING, MARGINS)},
        "frames_per_epoch": arguments.frames_per_epoch, "bar": BAR, "rows": rows,
    }  # fmt: skip
    record("unknown_sounds", figures, table(rows))
    draw("unknown_sounds", roc_plot(curves(study.clips, cells, let_through)))


class Study:
    """Cells of the study, each computed once."""

    def __init__(self, data: Path, work: Path, frames_per_epoch: int):
        self.work, self.frames_per_epoch = work, frames_per_epoch
        self.clips = clips_of(data)
        self.frames, self.splits = transformer_study.material(self.clips, self.experiment([]), work)

    def experiment(self, hidden: Sequence[str]) -> Experiment:
        """What the expert of one fold learns from; hidden: classes that it never hears."""
        not_cries = ["crying_baby", *hidden]
        return transformer_study.experiment(
            "unknown sounds", (), [CAUSES],
            data={"mixed_groups": True},
            known={"corpora": ["esc50"], "labels": ["crying_baby"]},
            outliers={"corpora": ["esc50", "ravdess_sub", "speechocean_sub", "home_negatives"],
                      "except_labels": not_cries},
            noise={"corpora": ["esc50"], "except_labels": not_cries},
            features={"band_hz": BAND_HZ},
            augment={"noisy_share": 0.5, "snr_db": [0.0, 25.0], "colour_db": 8.0},
            fit={"stages": [{"kind": "classifier"}, {"kind": "outliers"}], "frames_per_epoch": self.frames_per_epoch,
                 "validation_frames": 1, "class_weights": False},
        )  # fmt: skip

    def cell(self, fold: str, seed: int, hides: bool) -> dict[str, Any]:
        """{"clips", "hidden": classes, stage: {"logits": of the clips judged, "temperature"}} of one expert."""
        name = f"fold{fold}-seed{seed}{'-hidden' if hides else ''}"
        return transformer_study.cell(
            self.work / f"{name}.json", lambda: self.evaluate(fold, seed, hides, self.work / name)
        )

    def evaluate(self, fold: str, seed: int, hides: bool, folder: Path) -> dict[str, Any]:
        hidden = hidden_classes(self.clips, fold) if hides else []
        frames = with_hidden(self.frames, hidden)
        split = self.splits[fold]
        task = Task(frames, split, self.experiment(hidden), seed)
        clips = split.test
        found: dict[str, Any] = {"fold": fold, "seed": seed, "hidden": hidden,
                                 "clips": [self.clips[i].clip_id for i in clips]}  # fmt: skip
        networks = transformer_study.new_networks(len(frames.labels), False)
        for name, stages in ((BEFORE, [LEARNING]), (AFTER, [LEARNING, MARGINS])):
            networks = transformer_study.train_stages(task, networks, stages, folder)
            validation = frames.among(split.validation, LABELLED)
            temperature = fit_temperature(self.logits(networks, validation), frames.truth[validation])
            found[name] = {"logits": self.logits(networks, clips).round(4).tolist(), "temperature": temperature}
        return found

    def logits(self, networks: Networks, clips: np.ndarray) -> np.ndarray:
        """Mean logits (clips, labels) of each clip."""
        recordings = next(iter(self.frames.variants.values()))
        numbers, owner = recordings.of_clips(clips, FRAMES_JUDGED)
        return transformer_study.mean_logits(
            transformer_study.run(networks.classifier, recordings.take(numbers)), owner, len(clips)
        )

    def heard_by_detector(self, fold: str) -> dict[str, bool]:
        """{clip of the fold: whether the detector that held the fold out opens an episode}."""
        return transformer_study.cell(self.work / f"fold{fold}-detector.json", lambda: self.alerts(fold))

    def alerts(self, fold: str) -> dict[str, bool]:
        bundle = load_bundle(FOLD_BUNDLES / f"fold{fold}")
        found = {}
        for clip in (self.clips[i] for i in self.splits[fold].test):
            pipeline = Pipeline(bundle)
            records = pipeline.push(band_limit(read_samples(clip), 0.0, BAND_HZ)) + pipeline.finish()
            found[clip.clip_id] = any(isinstance(record, Alert) for record in records)
        return found


def clips_of(data: Path) -> list[Clip]:
    """All but unverified cries and digits."""
    return [clip for clip in read_corpora(data) if clip.detector_label != UNVERIFIED and clip.corpus != LEFT_OUT]


def hidden_classes(clips: Sequence[Clip], fold: str) -> list[str]:
    """Half of the classes that are no cry, the other half in the next fold."""
    classes = sorted({clip.label for clip in clips if clip.detector_label != CRY})
    return classes[int(fold) % 2 :: 2]


def with_hidden(frames: Frames, hidden: Sequence[str]) -> Frames:
    """The frames without a role for clips of these classes."""
    is_hidden = np.array([clip.label in hidden and clip.detector_label != CRY for clip in frames.clips])
    return replace(frames, roles={role: own[~is_hidden[own]] for role, own in frames.roles.items()})


def all_rows(
    clips: Sequence[Clip], cells: list[dict], hidden: list[dict], let_through: dict[str, bool]
) -> dict[str, dict[str, Any]]:
    """{sounds: {score: {"auroc", "fpr_95": [value, low, high]}, "cries", "others"}}."""
    known = {clip.clip_id: clip for clip in clips}
    seeds = sorted({cell["seed"] for cell in cells})
    rows = {}
    for sounds, wanted in SUBSETS.items():
        parts = hidden if sounds == UNSEEN else cells
        runs = [Answers.of([cell for cell in parts if cell["seed"] == seed], known,
                           lambda clip, cell, wanted=wanted: wanted(clip, cell, let_through))
                for seed in seeds if any(cell["seed"] == seed for cell in parts)]  # fmt: skip
        is_cry = runs[0].is_cry
        rows[sounds] = {"cries": int(is_cry.sum()), "others": int((~is_cry).sum()), "scores": {}}
        for name in SHOWN if 0 < is_cry.sum() < len(is_cry) else ():
            rows[sounds]["scores"][name] = intervals([run.scores[name] for run in runs], is_cry, runs[0].groups)
    return rows


SUBSETS: dict[str, Callable[[Clip, dict, dict[str, bool]], bool]] = {
    "all": lambda clip, cell, through: True,
    "ESC-50 alone": lambda clip, cell, through: clip.corpus == "esc50",
    "what the detector lets through": lambda clip, cell, through: through[clip.clip_id],
    "the same, ESC-50 alone": lambda clip, cell, through: through[clip.clip_id] and clip.corpus == "esc50",
    UNSEEN: lambda clip, cell, through: clip.detector_label == CRY or clip.label in cell["hidden"],
}


class Answers:
    """Every clip of some sounds, judged by the expert that held its fold out: scores {name: (clips,)}."""

    def __init__(self, is_cry: np.ndarray, groups: np.ndarray, scores: dict[str, np.ndarray]):
        self.is_cry, self.groups, self.scores = is_cry, groups, scores

    @classmethod
    def of(cls, cells: Sequence[dict], known: dict[str, Clip], wanted: Callable[[Clip, dict], bool]) -> Answers:
        is_cry, groups = [], []
        scores: dict[str, list[np.ndarray]] = {name: [] for name in SHOWN}
        for cell in cells:
            clips = [known[name] for name in cell["clips"]]
            keep = np.array([wanted(clip, cell) for clip in clips])
            is_cry += [clip.detector_label == CRY for clip, kept in zip(clips, keep, strict=True) if kept]
            groups += [clip.group_id for clip, kept in zip(clips, keep, strict=True) if kept]
            for stage in (BEFORE, AFTER):
                logits = np.array(cell[stage]["logits"])[keep]
                for score, function in SCORES.items():
                    if f"{score}, {stage}" in scores:
                        scores[f"{score}, {stage}"].append(function(logits, cell[stage]["temperature"]))
        joined = {name: np.concatenate(own) for name, own in scores.items()}
        return cls(np.array(is_cry, bool), np.array(groups), joined)


def measures(is_cry: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """AUROC, and the share of others above the score that 95 % of the cries are above."""
    cries, others = score[is_cry], np.sort(score[~is_cry])
    below = np.searchsorted(others, cries, "left") + np.searchsorted(others, cries, "right")  # twice, ties once
    auroc = below.mean() / (2 * len(others))
    return float(auroc), float((others >= np.percentile(cries, 5)).mean())


def intervals(runs: Sequence[np.ndarray], is_cry: np.ndarray, groups: np.ndarray) -> dict[str, list[float]]:
    """Mean over seeds, with the 95 % interval when whole groups are drawn again, cries and others apart."""

    def seeds_mean(rows: np.ndarray) -> np.ndarray:
        return np.mean([measures(is_cry[rows], score[rows]) for score in runs], axis=0)

    low, high = bootstrap_interval(seeds_mean, groups, seed=0, strata=is_cry, rounds=BOOTSTRAP_ROUNDS)
    value = seeds_mean(np.arange(len(is_cry)))
    return {name: [float(value[i]), float(low[i]), float(high[i])] for i, name in enumerate(("auroc", "fpr_95"))}


def curves(
    clips: Sequence[Clip], cells: list[dict], let_through: dict[str, bool]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{what: (false positive rate, true positive rate)} of the first seed."""
    known = {clip.clip_id: clip for clip in clips}
    own = [cell for cell in cells if cell["seed"] == cells[0]["seed"]]
    everything = Answers.of(own, known, lambda clip, cell: True)
    found = {name: roc_curve(everything.is_cry, everything.scores[name])[:2] for name in SHOWN}
    through = Answers.of(own, known, lambda clip, cell: let_through[clip.clip_id])
    last = f"{TEMPERED}, {AFTER}"
    if 0 < through.is_cry.sum() < len(through.is_cry):
        found[f"{last}, let through by the detector"] = roc_curve(through.is_cry, through.scores[last])[:2]
    return found


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| sounds (cries, others) | score | AUROC (95 % interval) | false positives at 95 % of cries |",
             "|---|---|---|---|"]  # fmt: skip
    for sounds, row in rows.items():
        for name, found in row["scores"].items():
            cells = [f"{value:.3f} ({low:.3f} to {high:.3f})" for value, low, high in found.values()]
            lines.append(f"| {sounds} ({row['cries']}, {row['others']}) | {name} | " + " | ".join(cells) + " |")
    bars = [f"{what} {rows['all']['scores'][f'{what}, {AFTER}']['auroc'][0]:.3f}" for what in (ENERGY, TEMPERED)]
    lines += ["", f"Bar: AUROC {BAR} of all sounds after outliers; {', '.join(bars)}. Everything "
              f"below {BAND_HZ / 1000:g} kHz; intervals draw groups again, seeds averaged."]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
