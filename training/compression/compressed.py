"""`cry-train compress`: from a source model to a smaller source model, and how alike their answers are."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.special import expit, softmax

from edge.errors import UserError
from training.compression.imitation import Imitation, answers_of
from training.compression.material import inputs_of
from training.compression.tensorised import Recipe, densify, tensorise
from training.data.corpora import Clip, read_corpora
from training.data.selection import recipe_key
from training.data.splits import Split as Parts
from training.data.splits import hold_out, prove
from training.runs.release import read_source_model, write_source_model
from training.runs.stage import Effort, run_stage

REPORT = "compression.json"
LAYERS = ["training.layers.tensor_train", "training.layers.tensor_train_lmu", "training.layers.attention"]
VALIDATION_SHARE = 0.2
WEIGHT_DECAY = 1e-4
PATIENCE = 5


def compress(source: Path, recipe: Recipe, out: Path, dense: bool, taught: Taught | None) -> dict[str, Any]:
    """Write the compressed source model, and what came of it as compression.json; returns that.

    dense: the kernels are made of the cores again, as large as before. taught: on what it learns to answer as before;
    None: it is as the singular values left it.
    """
    large, description = read_source_model(source)
    small = tensorise(large, recipe)
    report: dict[str, Any] = {"recipe": asdict(recipe), "parameters": [large.count_params(), small.count_params()]}
    if taught is not None:
        key = recipe_key({**report, "model": description["name"], **taught.recipe})
        report.update(taught.teach(large, small, description, taught.work / key))
    described = {key: value for key, value in description.items() if key != "metrics"}  # those are the large model's
    described["layers"] = list(dict.fromkeys([*description.get("layers", []), *LAYERS]))
    described["training"] = {**description.get("training", {}), "compression": report}
    out.mkdir(parents=True, exist_ok=True)
    finished = out / "finished.keras"
    (densify(small) if dense else small).save(finished)
    write_source_model(finished, described, out)
    finished.unlink()
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")
    return report


class Taught:
    """The recordings on which a small model learns, and those on which both are compared."""

    def __init__(self, data: Path, corpora: list[str], fold: int, epochs: int, rate: float, seed: int, work: Path):
        """fold: the eval_fold of the recordings that are not learnt from. Raises UserError where there are none."""
        clips = [clip for clip in read_corpora(data) if not corpora or clip.corpus in corpora]
        if not clips:
            raise UserError(f"{data / 'metadata.csv'} has no clip of {', '.join(corpora)}; name its corpora")
        test = np.flatnonzero([clip.eval_fold == fold for clip in clips])
        rest = np.flatnonzero([clip.eval_fold != fold for clip in clips])
        if not len(test) or not len(rest):
            raise UserError(f"eval_fold {fold} leaves {len(rest)} clips to learn from and {len(test)} to compare on")
        held_out = hold_out([clips[i] for i in rest], VALIDATION_SHARE, seed)
        self.clips: list[Clip] = clips
        self.split = Parts(f"eval_fold {fold}", rest[~held_out], rest[held_out], test)
        self.proof = prove(clips, self.split)
        self.effort = Effort(epochs, PATIENCE, rate, WEIGHT_DECAY, 32, (seed,))
        self.work = work

    @property
    def recipe(self) -> dict[str, Any]:
        """What a cut training can go on with."""
        return {"effort": asdict(self.effort), "clips": [clip.clip_id for clip in self.clips], "fold": self.split.name}

    def teach(self, large: keras.Model, small: keras.Model, description: dict[str, Any], work: Path) -> dict[str, Any]:
        """Teach the small model; how alike both answer on the test part before and after."""
        inputs = inputs_of(self.clips, description)
        answers = answers_of(large, inputs.x)
        parts = {name: np.flatnonzero(np.isin(inputs.owner, own)) for name, own in self.split.parts.items()}
        test = parts["test"]
        before = alike(answers[test], answers_of(small, inputs.x[test]))
        stage = Imitation(small, inputs.x, answers, parts["training"], parts["validation"])
        curves = run_stage(stage, self.effort, work)
        after = alike(answers[test], answers_of(small, inputs.x[test]))
        return {"before": before, "after": after, "epochs": len(curves), "split": self.proof}


def alike(reference: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Share of the same label (of one logit: of the same sign), root mean square of the error of logits, and the mean
    of each item's largest difference of posteriors."""
    if reference.shape[-1] == 1:
        same, posterior = (reference > 0) == (said > 0), expit
    else:
        same, posterior = reference.argmax(axis=-1) == said.argmax(axis=-1), partial(softmax, axis=-1)
    rms_error = float(np.sqrt(np.mean((said - reference) ** 2)))
    difference = np.abs(posterior(said) - posterior(reference)).max(axis=-1)
    return {
        "agreement": float(np.mean(same)), "rms_error": rms_error, "posterior_error": float(np.mean(difference)),
    }  # fmt: skip
