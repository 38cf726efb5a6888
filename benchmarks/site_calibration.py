"""Is a temperature that was fitted at one site right at another? On donateacry's platforms and fsdd's speakers.

    python -m benchmarks.site_calibration --data DIR

Minutes on one core with KERAS_BACKEND=torch; interrupted, it goes on with the next fold and seed. A site is what
recorded (donateacry: Android phones, iPhones; causes, which nobody can tell) or who spoke (fsdd: three speakers or the
other three; digits, which can be told). A model is taught at one site, and its temperature fitted there or with the
other's validation clips. donateacry's folds keep groups whole; within a site of fsdd other recordings of the same
speakers are judged: that is what a site's own calibration is about. Beside each error stands what answers of the same
confidence would show if they were perfectly calibrated: so few clips never show zero.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import source_c
from benchmarks.causes_donateacry import ece, interval
from benchmarks.causes_tasks import with_interval
from benchmarks.record import record
from edge.decision.calibration import fit_temperature, log_posterior
from training.causes import metrics
from training.corpora import Clip, read_corpora
from training.splits import Split
from training.transformer.config import CLASSIFIER, Experiment, Stage
from training.transformer.fitting import Task
from training.transformer.material import Frames

WORK = Path("results/site_calibration")
CAUSES = ("discomfort", "hungry", "tired")  # that both platforms have in most folds
SPEAKERS = {"speakers 1-3": ("george", "jackson", "lucas"), "speakers 4-6": ("nicolas", "theo", "yweweler")}
SITES = {"donateacry": ("android", "ios"), "fsdd": tuple(SPEAKERS)}
PARTS_OF_TEN = {"training": range(0, 5), "validation": range(5, 7), "test": range(7, 10)}  # fsdd's recordings
RECORDINGS_IN_TURN = 10
RECORDINGS = "recordings"  # the name of fsdd's one split
STAGES = {
    "donateacry": Stage(CLASSIFIER, epochs=4, patience=4, learning_rate=1e-3),
    "fsdd": Stage(CLASSIFIER, epochs=14, patience=14, learning_rate=3e-3),
}
FRAMES_PER_EPOCH = 512
FRAMES_JUDGED = 16
BAR = 0.032
NULL_ROUNDS = 200


def main() -> None:
    """Teach and judge what is not yet done, and record the table."""
    arguments = source_c.arguments_of(__doc__, WORK, FRAMES_PER_EPOCH)
    seeds = arguments.seed or list(source_c.SEEDS)
    rows = []
    for task, sites in SITES.items():
        study = Study(task, arguments.data, arguments.work, arguments.frames_per_epoch)
        for site in sites:
            folds = [fold for fold in study.splits if fold in (*source_c.FOLDS, RECORDINGS)]
            runs = [[study.cell(site, fold, seed) for fold in folds] for seed in seeds]
            rows += [row(task, site, judged, fitted, runs, study.group_of)
                     for judged in sites for fitted in sites]  # fmt: skip
    figures = {"seeds": seeds, "bar": BAR, "epochs": {task: stage.epochs for task, stage in STAGES.items()},
               "split": {"donateacry": "eval_fold, groups undivided", "fsdd": "recordings of each speaker"},
               "frames_per_epoch": arguments.frames_per_epoch, "rows": rows}  # fmt: skip
    record("site_calibration", figures, table(rows))


class Study:
    """Cells of one task, each computed once."""

    def __init__(self, task: str, data: Path, work: Path, frames_per_epoch: int):
        self.task, self.work, self.frames_per_epoch = task, work, frames_per_epoch
        clips = [clip for clip in read_corpora(data) if clip.corpus == task]
        if task == "donateacry":
            clips = [clip for clip in clips if clip.label in CAUSES and clip.detector_label != "unverified"]
            self.frames, self.splits = source_c.material(clips, self.experiment(), work)
        else:
            clips = [replace(clip, platform=site_of_speaker(clip)) for clip in clips]
            self.frames, _ = source_c.material(clips, self.experiment(), work)
            self.splits = {RECORDINGS: split_of_recordings(clips)}
        self.group_of = {clip.clip_id: clip.group_id if task == "donateacry" else clip.clip_id for clip in clips}

    def experiment(self) -> Experiment:
        return source_c.experiment(
            f"sites of {self.task}", (), [self.task],
            data={"mixed_groups": True},
            features={"band_hz": 3400.0, "active_share": 0.0 if self.task == "fsdd" else 0.5},
            augment={"noisy_share": 0.0, "colour_db": 4.0},
            fit={"class_weights": False, "frames_per_epoch": self.frames_per_epoch, "validation_frames": 2},
        )  # fmt: skip

    def cell(self, site: str, fold: str, seed: int) -> dict[str, Any]:
        """{site: {"validation", "test": {"clips", "truth", "log_posteriors"}}} of one model."""
        name = f"{self.task}-{site.replace(' ', '-')}-{fold}-seed{seed}"
        return source_c.cell(self.work / f"{name}.json", lambda: self.judged(site, fold, seed, self.work / name))

    def judged(self, site: str, fold: str, seed: int, folder: Path) -> dict[str, Any]:
        split = self.splits[fold]
        own = at_site(self.frames, split, site)
        task = Task(self.frames, own, self.experiment(), seed)
        networks = source_c.new_networks(len(self.frames.labels), False)
        classifier = source_c.taught(task, networks, [STAGES[self.task]], folder).classifier
        found: dict[str, Any] = {}
        for other in SITES[self.task]:
            there = at_site(self.frames, split, other)
            found[other] = {part: self.answers(classifier, getattr(there, part)) for part in ("validation", "test")}
        return found

    def answers(self, classifier: Any, clips: np.ndarray) -> dict[str, Any]:
        """What a model says of some clips."""
        recordings = next(iter(self.frames.variants.values()))
        numbers, owner = recordings.of_clips(clips, FRAMES_JUDGED)
        pooled = metrics.pooled(source_c.run(classifier, recordings.take(numbers)), owner, len(clips))
        return {"clips": [self.frames.clips[i].clip_id for i in clips], "truth": self.frames.truth[clips].tolist(),
                "log_posteriors": pooled.round(5).tolist()}  # fmt: skip


def site_of_speaker(clip: Clip) -> str:
    """Which of the two sites a speaker belongs to."""
    return next(site for site, names in SPEAKERS.items() if clip.group_id.rsplit("_", 1)[-1] in names)


def split_of_recordings(clips: Sequence[Clip]) -> Split:
    """Recordings of every speaker and digit in each part, by their number."""
    turn = np.array([int(clip.path.stem.rsplit("_", 1)[-1]) % RECORDINGS_IN_TURN for clip in clips])
    parts = {name: np.flatnonzero(np.isin(turn, list(turns))) for name, turns in PARTS_OF_TEN.items()}
    return Split(RECORDINGS, **parts)


def at_site(frames: Frames, split: Split, site: str) -> Split:
    """The clips of one site."""
    is_there = np.array([clip.platform == site for clip in frames.clips])
    return Split(split.name, **{name: part[is_there[part]] for name, part in split.parts.items()})


def row(
    task: str, taught: str, judged: str, fitted: str, runs: Sequence[Sequence[dict]], group_of: dict[str, str]
) -> dict[str, Any]:
    """One line of the table; runs: per seed, the cells of all folds."""
    seeds = [together(cells, judged, fitted) for cells in runs]
    clips = [name for cell in runs[0] for name in cell[judged]["test"]["clips"]]
    groups = np.array([group_of[name] for name in clips])
    truth = np.array([label for cell in runs[0] for label in cell[judged]["test"]["truth"]])
    found: dict[str, Any] = {"task": task, "taught": taught, "judged": judged, "fitted": fitted, "clips": len(clips)}
    found["macro_f1"] = float(np.mean([metrics.macro_f1(metrics.confusion(truth, said, int(truth.max()) + 1))
                                       for _, _, said in seeds]))  # fmt: skip
    for which, name in ((0, "ece_before"), (1, "ece_after")):
        answers = [(run[which], run[2] == truth) for run in seeds]

        def error(rows: np.ndarray, answers: list = answers) -> float:
            return float(np.mean([ece(confidence[rows], correct[rows]) for confidence, correct in answers]))

        found[name] = [error(np.arange(len(truth))), *interval(error, groups)]
    found["ece_if_calibrated"] = float(np.mean([ece_if_calibrated(run[1]) for run in seeds]))
    return found


def together(cells: Sequence[dict], judged: str, fitted: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence before and after temperature, and the answer, of all folds' test clips."""
    before, after, said = [], [], []
    for cell in cells:
        validation, test = cell[fitted]["validation"], cell[judged]["test"]
        temperature = fit_temperature(np.array(validation["log_posteriors"]), np.array(validation["truth"]))
        logits = np.array(test["log_posteriors"])
        before.append(np.exp(logits.max(axis=1)))
        after.append(np.exp(log_posterior(logits, temperature).max(axis=1)))
        said.append(logits.argmax(axis=1))
    return np.minimum(np.concatenate(before), 1.0), np.concatenate(after), np.concatenate(said)


def ece_if_calibrated(confidence: np.ndarray) -> float:
    """Mean ECE of as many answers of these confidences that are right as often as they say."""
    rng = np.random.default_rng(0)
    return float(np.mean([ece(confidence, rng.random(len(confidence)) < confidence) for _ in range(NULL_ROUNDS)]))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| task | taught at | judged at (clips) | temperature of | macro-F1 | ECE at 1 | ECE after temperature | "
             "if perfectly calibrated |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for r in rows:
        place = "in site" if r["judged"] == r["taught"] else "elsewhere"
        lines.append(f"| {r['task']} | {r['taught']} | {r['judged']}, {place} ({r['clips']}) | {r['fitted']} | "
                     f"{r['macro_f1']:.3f} | {with_interval(*r['ece_before'])} | {with_interval(*r['ece_after'])} | "
                     f"{r['ece_if_calibrated']:.3f} |")  # fmt: skip
    own = [r["ece_after"][0] for r in rows if r["task"] == "fsdd" and r["taught"] == r["judged"] == r["fitted"]]
    lines += ["", f"Bar: ECE {BAR} in site where there is something to learn (fsdd): {np.mean(own):.3f}, "
              f"{'met' if np.mean(own) <= BAR else 'not met'}. 95 % intervals draw donateacry's groups again, and "
              "fsdd's recordings; seeds averaged."]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
