"""The fusion of detector and verifier, taught by homes together: five numbers, on what both networks answered.

A home has either clips of a corpus, or marked episodes: marked.json, {"episodes": [{"mark": "cry" or "other", "logits":
[[detector's, verifier's ...] of a frame, ...]}, ...]}. Logits are in a fixed unit; nothing of a home's own recordings
enters a statistic of normalisation.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import UserError
from edge.files import write_whole
from edge.untrusted import read_json
from training.data.corpora import CRY, UNVERIFIED, Clip
from training.data.selection import DataConfig, choose_clips
from training.federated.layout import Layout
from training.federated.partition import Partition, deal
from training.federated.plan import Plan
from training.federated.task import identity_of
from training.runs import metrics
from training.runs.toml_config import of_table
from training.verifier.config import CLASSES
from training.verifier.hearing import Heard

UNIT = 4.0  # logits; about one standard deviation of either network's answers
INPUTS = 1 + len(CLASSES)
LAYOUT = Layout(("bias", "weights"), ((1,), (INPUTS,)))
MARKED, MARKS = "marked.json", ("other", "cry")
MARKED_AT_MOST = 16 << 20  # bytes
SHIPPED = Path(__file__).resolve().parents[1] / "models" / "verifier"


@dataclass(frozen=True)
class FusionSettings:
    """Whose recordings teach it, and which judge it."""

    marked: tuple[str, ...] = ()  # folders of homes with marked.json; none: homes are dealt clips of corpora
    judged_by: str = ""  # a folder with marked.json that is no home's
    corpora: tuple[str, ...] = ("donateacry", "esc50", "ravdess_sub", "speechocean_sub")
    held_out_fold: int = 1  # eval_fold whose clips judge
    clips_per_group_and_label: int = 2
    detectors: str = "benchmarks/detection/detector_folds"


@dataclass(frozen=True)
class Episodes:
    """Marked sounds: rows (n, inputs) float32 in UNIT, whose each is, and whether each sound is a cry."""

    rows: np.ndarray
    owner: np.ndarray
    is_cry: np.ndarray

    @classmethod
    def of(cls, logits: Sequence[np.ndarray], is_cry: Sequence[bool]) -> Episodes:
        """Of the logits (frames, inputs) of each sound."""
        rows = np.concatenate(logits).astype(np.float32) / np.float32(UNIT)
        return cls(rows, np.repeat(np.arange(len(logits)), [len(own) for own in logits]), np.array(is_cry, bool))

    @cached_property
    def begins(self) -> np.ndarray:
        """Where the rows of each sound begin, and where the last one's end."""
        return np.searchsorted(self.owner, np.arange(len(self.is_cry) + 1))


class FusionLearner:
    """A home that teaches the fusion; needs NumPy alone."""

    layout = LAYOUT

    def __init__(self, episodes: Episodes, fingerprint: str, batch_size: int):
        self.episodes, self.fingerprint, self.batch_size = episodes, fingerprint, batch_size

    def gradient(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Of the mean cross-entropy of some sounds, each of which counts the same."""
        own, total = self.episodes, np.zeros(LAYOUT.size)
        drawn = rng.integers(0, len(own.is_cry), self.batch_size)
        for sound in drawn:
            rows = own.rows[own.begins[sound] : own.begins[sound + 1]].astype(float)
            wrong_by = 1 / (1 + np.exp(-evidence(parameters, rows))) - own.is_cry[sound]
            total += np.concatenate([[wrong_by.mean()], wrong_by @ rows / len(rows)])
        return (total / len(drawn)).astype(np.float32)


def evidence(parameters: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The logit of p(cry) of each row."""
    return parameters[0] + rows @ parameters[1:]


class FusionTask:
    """Homes with marked sounds. judges: sounds of none of them, or None."""

    layout = LAYOUT

    def __init__(self, homes: dict[str, Episodes], judges: Episodes | None, plan: Plan):
        self.homes, self.judges, self.plan = homes, judges, plan
        self.cascade = read_json(SHIPPED / "model.json", finite=False)["cascade"]
        weights = np.array([self.cascade["detector_weight"], *self.cascade["weights"]])
        self.start = np.concatenate([[self.cascade["bias"]], weights * UNIT]).astype(np.float32)
        self.identity = identity_of(LAYOUT, plan, [np.array([UNIT])], {"task": "fusion", "labels": list(CLASSES)})

    @property
    def learners(self) -> dict[str, FusionLearner]:
        """Every home's."""
        return {name: FusionLearner(own, self.identity, self.plan.batch_size) for name, own in self.homes.items()}

    def evaluate(self, parameters: np.ndarray) -> dict[str, float]:
        """macro_f1 and nll of whole sounds, by the mean evidence of each."""
        if self.judges is None:
            return {}
        sums = np.add.reduceat(evidence(parameters, self.judges.rows), self.judges.begins[:-1])
        logit = sums / np.diff(self.judges.begins)
        log_posterior = -np.logaddexp(0, np.stack([logit, -logit], axis=1))
        return metrics.validation_scores(self.judges.is_cry.astype(int), log_posterior)

    def write(self, parameters: np.ndarray, out: Path, story: dict[str, Any]) -> None:
        """The verifier that ships, with this fusion."""
        weights = parameters[1:] / UNIT
        fusion = {
            "bias": round(float(parameters[0]), 4),
            "detector_weight": round(max(0.0, float(weights[0])), 4),
            "weights": [round(float(weight), 4) for weight in weights[1:]],
        }
        description = read_json(SHIPPED / "model.json", finite=False)
        description["cascade"] = {**description["cascade"], **fusion}
        description["training"] = {**description["training"], "federated": story}
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SHIPPED / "verifier.keras", out / "verifier.keras")
        write_whole(out / "model.json", [json.dumps(description, indent=1).encode(), b"\n"])


def make_task(settings: dict[str, Any], partition: Partition, plan: Plan, data: Path | None, work: Path) -> FusionTask:
    """Homes of marked nights, or of corpora. Raises UserError."""
    chosen = of_table(FusionSettings, settings, "task.")
    if chosen.marked:
        homes = {Path(folder).name: read_marked(Path(folder)) for folder in chosen.marked}
        if len(homes) < len(chosen.marked):
            raise UserError("two folders of task.marked have one name; homes are named by their folders")
        return FusionTask(homes, read_marked(Path(chosen.judged_by)) if chosen.judged_by else None, plan)
    if data is None:  # a server, whose homes are elsewhere
        return FusionTask({}, read_marked(Path(chosen.judged_by)) if chosen.judged_by else None, plan)
    return corpus_task(*corpus_heard(chosen, data, work), chosen.held_out_fold, partition, plan)


def corpus_task(
    clips: Sequence[Clip], heard: Sequence[Heard], held_out_fold: int, partition: Partition, plan: Plan
) -> FusionTask:
    """Homes that are dealt clips of corpora by whole groups; one eval_fold judges."""
    is_judge = np.array([clip.eval_fold == held_out_fold for clip in clips])
    own, judges = np.flatnonzero(~is_judge), np.flatnonzero(is_judge)
    dealt = deal([clips[i] for i in own.tolist()], partition, plan.seed)
    digits = len(str(len(dealt) - 1))

    def marked(numbers: np.ndarray) -> Episodes:
        return episodes_of([clips[i] for i in numbers.tolist()], [heard[i] for i in numbers.tolist()])

    homes = {f"home-{n:0{digits}}": marked(own[part]) for n, part in enumerate(dealt)}
    return FusionTask(homes, marked(judges), plan)


def corpus_heard(settings: FusionSettings, data: Path, work: Path) -> tuple[list[Clip], list[Heard]]:
    """Clips that raise suspicion, and what both networks answer on them; each heard by the detector that never was."""
    from training.verifier.material import hear_all
    from training.verifier.release import fold_detectors, shipped_network

    config = DataConfig(settings.corpora, "eval_fold", clips_per_group_and_label=settings.clips_per_group_and_label)
    clips = [c for c in choose_clips(data, config) if c.detector_label != UNVERIFIED]
    heard = hear_all(clips, fold_detectors(Path(settings.detectors)), shipped_network(), work)
    both = [(clip, own) for clip, own in zip(clips, heard, strict=True) if answered(own).any()]
    return [clip for clip, _ in both], [own for _, own in both]


def answered(heard: Heard) -> np.ndarray:
    """Frames in which both networks answered."""
    return np.isfinite(heard.verifier).all(axis=1)


def episodes_of(clips: Sequence[Clip], heard: Sequence[Heard]) -> Episodes:
    """Clips as marked sounds."""
    logits = [np.column_stack([own.detector, own.verifier])[answered(own)] for own in heard]
    return Episodes.of(logits, [clip.detector_label == CRY for clip in clips])


def read_marked(folder: Path) -> Episodes:
    """A home's marked.json. Raises UserError that names the episode."""
    file = folder / MARKED
    if not file.exists():
        raise UserError(f"{file} is not there; mark events of a monitor that has [learn] enabled, or name its folder")
    content = read_json(file, max_bytes=MARKED_AT_MOST)
    episodes = content.get("episodes") if isinstance(content, dict) else None
    if not isinstance(episodes, list) or not episodes:
        raise UserError(f"{file} has no episodes; mark some of this home's events first")
    logits, is_cry = [], []
    for number, episode in enumerate(episodes, start=1):
        try:
            rows = np.array(episode["logits"], float)
            mark = MARKS.index(episode["mark"])
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{file}: episode {number} has no mark of {' or '.join(MARKS)}, or no logits") from error
        if rows.ndim != 2 or rows.shape[1] != INPUTS or not len(rows):
            raise UserError(f"{file}: episode {number} has logits of shape {rows.shape}, it must be (frames, {INPUTS})")
        logits.append(rows)
        is_cry.append(bool(mark))
    return Episodes.of(logits, is_cry)


def write_marked(folder: Path, logits: Sequence[np.ndarray], is_cry: Sequence[bool]) -> None:
    """Write marked.json."""
    folder.mkdir(parents=True, exist_ok=True)
    episodes = [
        {"mark": MARKS[cry], "logits": np.round(own, 3).tolist()} for own, cry in zip(logits, is_cry, strict=True)
    ]
    (folder / MARKED).write_text(json.dumps({"episodes": episodes}) + "\n")
