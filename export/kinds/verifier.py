"""A verifier: the second opinion on a patch of YAMNet's, judged by how its answer ranks cries above other sounds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import PATCH, VERIFIER, read_cascade, read_decision, read_labels
from edge.decision.second_opinion import HOPS_WHILE_CRYING
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch
from edge.errors import UserError
from edge.frames import FRAME_HOP_S
from export.kinds.kind import ANSWER_KEYS, COMMON_DEFAULTS, ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME, frames
from export.parity.calibration import FILES, Calibration, Part, Provenance, load_calibration, network_inputs
from export.parity.comparison import LogitComparison, Task, keras_outputs
from export.parity.double_precision import double_outputs
from export.parity.evidence import Evidence
from export.parity.metrics import auc
from export.parity.not_finite import check_finite
from export.parity.score import ScoreComparison
from export.parity.synthetic_inputs import SEEDS, synthetic_clips
from export.targets import Bounds

UNDECIDED = 0.5  # the probability that label agreement is about
CRY = "cry"  # the kind of synthetic sound
SAME = 1e-6  # of probabilities that only rounding may separate
SYNTHETIC = (
    "Verifier: the calibration data holds no patches, so that int8 ranges and comparison are from synthetic sounds "
    "(cries, voices, a household), which are the same each time."
)


@dataclass(frozen=True)
class CascadeComparison(ScoreComparison):
    """Judges logits by what the cascade adds to the detector's evidence: bias + sum(weights * logits)."""

    bias: float
    weights: Sequence[float]

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """(N, 1)."""
        return (self.bias + logits.astype(np.float64) @ np.asarray(self.weights))[:, None]


class Verifier(ModelKind):
    """A few logits of one patch, which the cascade weighs beside the detector's."""

    role = VERIFIER
    features = (PATCH,)
    defaults = {**COMMON_DEFAULTS, "normalisation": {"kind": "none"}, "temperature": 1.0, "energy_threshold": None}
    manifest_keys = (*ANSWER_KEYS, "decision", "cascade")
    budget_bytes = {("tflite", "int8"): 6_000_000, ("tflite", "dynamic"): 6_000_000, ("onnx", "int8"): 6_000_000}

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless labels, thresholds and cascade can be."""
        labels = read_labels(fields, self.role)
        fields.optional_number("energy_threshold")
        fields.positive("temperature")
        read_decision(fields.object("decision"))
        read_cascade(fields.object("cascade"), len(labels))

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """As often as it is asked beside experts, while an episode is open."""
        return HOPS_WHILE_CRYING * FRAME_HOP_S

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """Patches of calibration_data with the labels of their recordings; of synthetic sounds where it has none."""
        is_there = (calibration_dir / FILES[PATCH].manifest).exists()
        calibration = load_calibration(calibration_dir, model) if is_there else synthetic_patches(model)
        part, cascade = calibration.parity, model.description["cascade"]
        reference = keras_outputs(model.trained, part.inputs)
        check_finite(model, reference, "logits", part.inputs)
        score = LogitComparison([CRY], 1.0, Task(part.labels, part.groups, UNDECIDED), part.provenance)
        comparison = CascadeComparison(score, cascade["bias"], cascade["weights"])
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in calibration.quantise.inputs],
            streams=frames(part.inputs),
            reference=reference,
            comparison=comparison,
            raw=part.features,
            about={
                "calibration": calibration.counts(),
                "temperature": {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None},
                "open_threshold": model.description["decision"]["open_threshold"],
            },
            warnings=check_source(model, reference, comparison),
            notes=[] if is_there else [SYNTHETIC],
            double=cache(lambda: double_outputs(model.trained, part.inputs)),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From patches to logits, and from logits to a probability: the device has the cascade from the manifest."""
        verifier, described = bundle.verifier, evidence.model.description
        if verifier is None:
            raise UserError(f"the device would not use the verifier, no bundle written: {'; '.join(bundle.left_out)}")
        logits = []
        for patch in evidence.raw:
            verifier.look_at(patch)
            logits.append(verifier.output[0].copy())
        comparison: Any = evidence.comparison  # that of this file
        given = np.array(logits)
        found = comparison.violations(comparison.compare(evidence.reference, given).parity, bounds)
        probability = np.array([verifier.probability(0.0, row) for row in given])
        expected = 1 / (1 + np.exp(-comparison.scores(given)[:, 0]))
        if verifier.labels != described["labels"] or not np.abs(probability - expected).max() <= SAME:
            found.append(
                f"labels are {verifier.labels}, probabilities up to {np.abs(probability - expected).max():.3g} off"
            )
        if found:
            raise UserError(
                f"the verifier in the bundle does not say on the device what the model says, no bundle written: "
                f"{', '.join(found)}"
            )


def check_source(model: SourceModel, reference: np.ndarray, comparison: CascadeComparison) -> list[str]:
    """Warnings about the model itself. Raises UserError when it cannot be right."""
    found = auc(comparison.scores(reference)[:, 0], comparison.score.task.labels)
    if found is not None and found < 0.5:
        return [f"the verifier ranks the parity patches worse than chance (AUC {found:.3f}): are its labels in order?"]
    return []


def synthetic_patches(model: SourceModel) -> Calibration:
    """Every whole patch of every synthetic clip."""
    parts: dict[str, Any] = {}
    for part in SEEDS:
        patches, labels, provenance = [], [], []
        for clip in synthetic_clips(part):
            for first in range(0, len(clip.samples) - PATCH_LENGTH + 1, PATCH_LENGTH):
                patches.append(yamnet_patch(clip.samples[first : first + PATCH_LENGTH]))
                labels.append(clip.condition.startswith(CRY))
                provenance.append(Provenance(clip.name, clip.name, clip.condition))
        features = np.array(patches)
        inputs = network_inputs(features, model.description["normalisation"])
        parts[part] = Part(features, inputs, np.array(labels), provenance)
    return Calibration(**parts)
