"""`make experts`: from results of `cry-train causes` to the experts that ship, and the rule by which they speak.

What ships is the model of one fold, named before its scores were known: the scores in its model.json are of that very
file, on people it never heard. Whether the product answers at all is judged on everyone: each recording by a model of
its own domain that never heard its group, and by the other domain's, fused as on the device.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from edge.decision.calibration import log_posterior
from edge.decision.fusion import Fusion
from edge.decision.pooling import pool
from edge.decision.uncertain import UncertainRule, choose_rule
from edge.dsp.fused import standardise
from edge.untrusted import read_json
from training.causes.config import read_experiment
from training.causes.material import tensors_of
from training.data.corpora import Clip, read_samples
from training.data.selection import choose_clips
from training.data.splits import make_splits
from training.runs.folds import FOLDS, LOG_POSTERIORS, METRICS, SPLIT_SEED
from training.runs.release import FOLD, SEED, finished_fold, own_metrics, write_source_model

COMMAND = "cry-train causes"
RISK = 0.1  # at most one answer in ten may be wrong: always saying "hungry" is wrong one time in six
METHOD, TAU = "all", 1.0


@dataclass(frozen=True)
class Judge:
    """A trained expert as its fold's folder holds it."""

    model: keras.Model
    description: dict[str, Any]

    def log_posterior(self, samples: np.ndarray) -> np.ndarray:
        """What it says of a whole recording, pooled over its windows at its temperature, (labels,)."""
        normalisation = self.description["normalisation"]
        config: Any = FeatureView(self.description["feature"]["band_hz"], self.description["step"]["window_columns"])
        windows = tensors_of(samples, len(samples), config)[:, :, normalisation["rows"]]
        z = standardise(windows, np.array(normalisation["mean"]), np.array(normalisation["deviation"]))
        logits = keras.ops.convert_to_numpy(self.model(z[..., None].astype(np.float32), training=False))
        return pool(log_posterior(logits, self.description["temperature"]))


@dataclass(frozen=True)
class FeatureView:
    """What tensors_of needs to know of the features."""

    band_hz: float
    columns: int
    unit: str = "window"


def main() -> None:
    """Write the experts that ship, and their fusion."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds metadata.csv")
    parser.add_argument("--out", type=Path, required=True, help="receives NAME/ of each expert and fusion.json")
    parser.add_argument("experiments", nargs="+", metavar="CONFIG=RESULTS", help="of cry-train causes")
    arguments = parser.parse_args()
    pairs = [pair.split("=", 1) for pair in arguments.experiments]
    results = {Path(config): Path(folder) for config, folder in pairs}
    for config, folder in results.items():
        write_expert(folder, arguments.out / read_experiment(config).name)
    rows = answers(results, arguments.data, SEED)
    fusion = {"method": METHOD, "tau": TAU, "uncertain": rule_of(rows)._asdict()}
    (arguments.out / "fusion.json").write_text(json.dumps(fusion, indent=1) + "\n")
    print(json.dumps(fusion))


def write_expert(results: Path, out: Path) -> None:
    """Write the model of the shipped fold as a source model, with its own scores."""
    folder = finished_fold(results, FOLD, SEED, COMMAND)
    description = read_json(folder / "model.json", finite=False)
    description["metrics"] = own_metrics(read_json(folder / METRICS, finite=False))
    description["name"] = out.name
    description["energy_threshold"] = None  # nothing shows that this expert's energy tells a strange sound
    write_source_model(folder / "cause.keras", description, out)


def load_judge(results: Path, fold: str, seed: int) -> Judge:
    """The expert of one fold and seed."""
    folder = finished_fold(results, fold, seed, COMMAND)
    model = keras.saving.load_model(folder / "cause.keras")
    return Judge(model, read_json(folder / "model.json", finite=False))


@dataclass(frozen=True)
class Answer:
    """What the experts together say of one recording, before the uncertain rule."""

    clip: Clip
    labels: list[str]
    posterior: np.ndarray  # fused, (labels,)

    @property
    def predicted(self) -> str:
        """The likeliest label."""
        return self.labels[int(self.posterior.argmax())]

    @property
    def confidence(self) -> float:
        """Its probability."""
        return float(self.posterior.max())

    @property
    def is_right(self) -> bool:
        """Whether it is the corpus's label, which may be one that no expert knows."""
        return self.predicted == self.clip.label


def answers(results: dict[Path, Path], data_dir: Path, seed: int) -> list[Answer]:
    """The fused answer to every recording of the domains, whatever its label; no model judges a group it heard."""
    experiments = {config: read_experiment(config) for config in results}
    judges = {
        (config, fold): load_judge(folder, fold, seed)
        for config, folder in results.items()
        for fold in folds_of(folder, seed)
    }
    labels = {str(config): judges[config, FOLD].description["labels"] for config in results}
    fusion = Fusion(labels, METHOD, TAU)
    found = []
    for config, experiment in experiments.items():
        fold_of_group = held_out_folds(choose_clips(data_dir, experiment.data), experiment.data)
        every_label = replace(experiment.data, labels=())
        for clip in choose_clips(data_dir, every_label):
            fold = fold_of_group.get(clip.group_id, FOLD)
            samples = read_samples(clip)
            predicted = {
                str(other): judges[other, fold if other == config else FOLD].log_posterior(samples) for other in results
            }
            fused = fusion.fuse(predicted)
            found.append(Answer(clip, fusion.labels, np.exp(fused.log_posterior)))
    return found


def folds_of(results: Path, seed: int) -> list[str]:
    """The folds that are done."""
    return sorted(path.parent.name.split("-seed")[0] for path in results.glob(f"{FOLDS}/*-seed{seed}/{LOG_POSTERIORS}"))


def held_out_folds(clips: list[Clip], config: Any) -> dict[str, str]:
    """In which fold each group is tested."""
    splits = make_splits(clips, config.folds, config.validation_share, SPLIT_SEED, config.mixed_groups)
    return {clips[i].group_id: split.name for split in splits for i in split.test}


def one_per_group(rows: Iterable[Answer]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence, and whether it was right, of one recording of each group: what the rule takes for independent."""
    chosen: dict[str, Answer] = {}
    for row in sorted(rows, key=lambda row: hashlib.sha256(row.clip.clip_id.encode()).digest()):
        chosen.setdefault(row.clip.group_id, row)
    kept = list(chosen.values())
    return np.array([row.confidence for row in kept]), np.array([row.is_right for row in kept])


def rule_of(rows: Iterable[Answer]) -> UncertainRule:
    """The rule that these answers justify."""
    return choose_rule(*one_per_group(rows), RISK)


if __name__ == "__main__":
    main()
