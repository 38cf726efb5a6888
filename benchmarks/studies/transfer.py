"""Is a network better for having learnt something else first? Human sounds with 10, 30 and 100 % of their labels.

    python -m benchmarks.studies.transfer --data DIR

Ten human sounds of ESC-50 by fold, from the start, from spoken words (fsdd), and from sounds without labels (NT-Xent on
the training folds of ESC-50 and on donateacry). All learn from the same labelled clips with the same seed, at the same
rate; one goes on from words at a tenth of it, as is often done. Prints its cost first and records each seed; what is
recorded under the same settings is not run again. `--seed 0 --seed 1 ...` is the larger study.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.lib.record import add_row, record, recorded, rows_under, without_seed
from benchmarks.lib.statistics import in_points
from benchmarks.studies.causes_tasks import HUMAN_SOUNDS
from training.data.corpora import FOLDS, Clip
from training.data.log_mel_frames import Frames, frames_of
from training.data.selection import DataConfig, choose_clips
from training.layers.res8 import build_res8
from training.pretraining.experiment import contrasted
from training.pretraining.settings import COARSE, Settings
from training.pretraining.supervised import (
    Labelled,
    clip_log_posteriors,
    effort_of,
    few_labels,
    learn_labels,
)
from training.runs import metrics
from training.runs.stage import compiled

WORK = Path("results/transfer")
SCRATCH, WORDS, UNLABELLED = "from the start", "after words", "after unlabelled sounds"
SLOWLY, TENTH = "after words, at a tenth of the rate", 0.1
STARTS = (SCRATCH, WORDS, SLOWLY, UNLABELLED)
SHARES = (0.1, 0.3, 1.0)


def main() -> None:
    """Learn what is not yet learnt and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--fold", type=int, action="append", help="default: all four")
    parser.add_argument("--seed", type=int, action="append", help="default: 0 alone")
    parser.add_argument("--epochs", type=int, default=20)
    arguments = parser.parse_args()
    folds, seeds = arguments.fold or list(FOLDS), arguments.seed or [0]
    study = Study(arguments.data, arguments.work / str(arguments.epochs), arguments.epochs)
    print(study.cost(len(folds), len(seeds)), flush=True)
    shared = without_seed(study.settings)
    rows = rows_under(shared, recorded("transfer"))
    for seed in seeds:
        for which in itertools.product(folds, STARTS, SHARES):
            study.add(rows, *which, seed)
        figures = {"settings": shared, "rows": rows}
        record("transfer", figures, table(figures))


def shares_of(start: str) -> tuple[float, ...]:
    """Of the labels: all shares, for the slow one all labels alone."""
    return SHARES[-1:] if start == SLOWLY else SHARES


class Study:
    """What all cells share: the human sounds, words and cries as frames."""

    def __init__(self, data: Path, work: Path, epochs: int):
        self.work = work
        self.settings = Settings(epochs=epochs, frames_per_epoch=640, head_epochs=max(1, epochs // 4))
        of = {
            "sounds": DataConfig(("esc50",), "eval_fold", tuple(HUMAN_SOUNDS)),
            "words": DataConfig(("fsdd",), "eval_fold", clips_per_group_and_label=8),
            "cries": DataConfig(("donateacry",), "eval_fold", clips_per_group_and_label=1),
        }
        self.clips: dict[str, list[Clip]] = {name: choose_clips(data, config) for name, config in of.items()}
        self.frames = {name: frames_of(clips, coarse=COARSE) for name, clips in self.clips.items()}

    def truth(self, name: str) -> np.ndarray:
        """Numbers of labels."""
        labels = sorted({clip.label for clip in self.clips[name]})
        return np.array([labels.index(clip.label) for clip in self.clips[name]])

    def known(self, fold: int) -> np.ndarray:
        """Human sounds that may be learnt from."""
        return np.flatnonzero([clip.eval_fold != fold for clip in self.clips["sounds"]])

    def cost(self, n_folds: int, n_seeds: int) -> str:
        """What all of it takes, by one batch."""
        frames = self.frames["sounds"]
        model = build_res8(self.settings.size, frames.shape, len(HUMAN_SOUNDS))
        stage = Labelled(model, frames, self.known(1), self.truth("sounds"), self.settings)
        compiled(stage, effort_of(self.settings, 1.0))
        rng = np.random.default_rng(0)
        batch = stage.batch(stage.clips(rng)[: self.settings.batch_size], rng)
        model.train_on_batch(*batch)
        started = time.perf_counter()
        model.train_on_batch(*batch)
        trainings = n_seeds * (3 + n_folds * (2 + sum(len(shares_of(start)) for start in STARTS)))
        steps = self.settings.epochs * self.settings.frames_per_epoch / self.settings.batch_size
        minutes = (time.perf_counter() - started) * steps * trainings / 60
        return f"about {minutes:.0f} minutes on this core, less what is done already"

    def add(self, rows: list[dict[str, Any]], fold: int, start: str, share: float, seed: int) -> None:
        """Add the row of a network, if it has one."""
        if share in shares_of(start):
            which = {"start": start, "share": share, "fold": fold, "seed": seed}
            add_row(rows, which, lambda: self.cell(start, share, fold, seed))

    def cell(self, start: str, share: float, fold: int, seed: int) -> dict[str, float]:
        """Scores on a fold that nothing was learnt from; what is done is read."""
        folder = self.work / f"{start.replace(',', '').replace(' ', '-')}-{share}-{fold}-{seed}"
        file = folder / "scores.json"
        if not file.is_file():
            settings, truth = replace(self.settings, seed=seed), self.truth("sounds")
            if start == SLOWLY:
                settings = replace(settings, fine_tuning=TENTH)
            network = None if start == SCRATCH else self.pretrained(start, fold, seed)
            learnt = few_labels(self.known(fold), truth, share, seed)
            frames = self.frames["sounds"]
            model = learn_labels(frames, learnt, truth, len(HUMAN_SOUNDS), settings, folder, network)
            test = np.setdiff1d(np.arange(len(truth)), self.known(fold))
            scores = metrics.scores(truth[test], clip_log_posteriors(model, frames, test))
            again = metrics.scores(truth[learnt], clip_log_posteriors(model, frames, learnt))
            own = {name: scores[name] for name in ("macro_f1", "balanced_accuracy")}
            file.write_text(json.dumps({**own, "learnt_macro_f1": again["macro_f1"]}))
            print(f"{start}, {share:.0%}, fold {fold}: {scores['macro_f1']:.3f}", flush=True)
        return json.loads(file.read_text())

    def pretrained(self, start: str, fold: int, seed: int) -> keras.Model:
        """A network that learnt words, or sounds without labels that are not of the fold."""
        settings = replace(self.settings, seed=seed, epochs=2 * self.settings.epochs)
        if start in (WORDS, SLOWLY):
            frames, truth = self.frames["words"], self.truth("words")
            return learn_labels(
                frames, np.arange(len(truth)), truth, int(truth.max()) + 1, settings, self.work / f"words-{seed}"
            )
        sounds, cries = self.frames["sounds"], self.frames["cries"]
        first = len(self.clips["sounds"])
        both = Frames(
            np.concatenate([sounds.log_mel, cries.log_mel]), np.concatenate([sounds.owner, first + cries.owner])
        )
        clips = np.concatenate([self.known(fold), first + np.arange(len(self.clips["cries"]))])
        return contrasted(both, clips, settings, self.work / f"unlabelled-{fold}-{seed}")


def table(figures: dict[str, Any]) -> str:
    """Macro-F1 and UAR, and the gain beside learning from the start, Markdown."""
    rows = sorted(figures["rows"], key=lambda row: (row["seed"], row["fold"]))
    folds, seeds = ({row[key] for row in rows} for key in ("fold", "seed"))
    lines = [
        f"{len(folds)} of 4 folds held out in turn, {len(seeds)} seed(s), "
        f"{figures['settings']['epochs']} epochs. Gains are points of macro-F1, paired by fold and seed, with their "
        f"95 % interval.",
        "",
        "| labels | network | on what it learnt from | macro-F1 | UAR | gain |",
        "|---|---|---|---|---|---|",
    ]
    for share in SHARES:
        base = [row for row in rows if row["start"] == SCRATCH and row["share"] == share]
        for start in STARTS:
            if share not in shares_of(start):
                continue
            own = [row for row in rows if row["start"] == start and row["share"] == share]
            gains = [a["macro_f1"] - b["macro_f1"] for a, b in zip(own, base, strict=True)]
            shown = "" if start == SCRATCH else in_points(gains)
            scores = [
                f"{np.mean([row[key] for row in own]):.3f}"
                for key in ("learnt_macro_f1", "macro_f1", "balanced_accuracy")
            ]
            lines.append(f"| {share:.0%} | {start} | {' | '.join(scores)} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
