"""A frame expert: the cause of a cry from log-mel frames, as the denoiser leaves them where it stands behind one."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import DENOISER, EXPERT, LOG_MEL, read_labels, read_step
from edge.errors import UserError
from export.kinds.frame_material import frame_material
from export.kinds.kind import ANSWER_KEYS, COMMON_DEFAULTS, FRAME_MEAN, ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME, frames
from export.parity.comparison import EnergyTask, LogitComparison, compare, keras_outputs, violations
from export.parity.double_precision import double_outputs
from export.parity.evidence import Evidence
from export.parity.not_finite import check_finite
from export.targets import Bounds

COLUMN_S = 0.01
ENERGY = (
    "Of an expert on frames with an energy threshold, the labels of the calibration frames judge the energy score: "
    "whether cries are more known to it than other sounds. Their causes are not known: label agreement says how often "
    "a file answers as the model does, not whether that is right."
)


class FrameExpert(ModelKind):
    """Logits of causes, of a frame every so many columns."""

    role = EXPERT
    features = (LOG_MEL,)
    defaults = {
        **COMMON_DEFAULTS,
        "energy_threshold": None,
        "normalisation": FRAME_MEAN,
        "step": {"columns": 40, "window_columns": 98},
    }
    manifest_keys = (*ANSWER_KEYS, "name", "step", "denoised")
    may_be_several = True
    budget_multiply_adds = 60_000_000
    budget_bytes = {("tflite", "int8"): 5_000_000, ("tflite", "dynamic"): 5_000_000, ("onnx", "int8"): 5_000_000}

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless labels, temperature, step and `denoised` can be."""
        read_labels(fields, self.role)
        fields.optional_number("energy_threshold")
        fields.positive("temperature")
        read_step(fields.object("step"), LOG_MEL)
        fields.truth("denoised")

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """Once a step."""
        return model.description["step"]["columns"] * COLUMN_S

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """Frames of calibration_data, or synthetic ones, through the denoiser it stands behind."""
        denoiser = next((m for m in models if m.role == DENOISER), None) if model.is_denoised else None
        material = frame_material(model, calibration_dir)
        ranges, inputs = (as_seen(part.inputs, denoiser) for part in (material.quantise, material.parity))
        reference = keras_outputs(model.trained, inputs)
        check_finite(model, reference, "logits", inputs)
        part, described = material.parity, model.description
        knows = described["energy_threshold"] is not None
        task = EnergyTask(part.labels, part.groups) if knows else None
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in ranges],
            streams=frames(inputs),
            reference=reference,
            comparison=LogitComparison(described["labels"], model.temperature, task, part.provenance),
            raw=part.features,
            about={
                "calibration": material.counts(),
                "temperature": {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None},
                "open_threshold": None,
                "denoised": model.is_denoised,
            },
            notes=material.notes + ([ENERGY] if knows else []),
            double=cache(lambda: double_outputs(model.trained, inputs)),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From raw log-mel to logits: the device normalises, and goes through the denoiser, by itself."""
        model, described = evidence.model, evidence.model.description
        expert: Any = next(expert for expert in bundle.experts if expert.name == described["name"])
        expert.reset()
        logits = []
        for frame in evidence.raw:
            seen = bundle.denoiser.estimate(frame) if expert.is_denoised else frame
            logits.append(expert.push(seen).copy())
        expert.reset()
        found = violations(compare(evidence.reference, np.array(logits), model.temperature, None), bounds)
        given = (expert.labels, expert.temperature, expert.energy_threshold, expert.step_columns, expert.is_denoised)
        expected = tuple(described[key] for key in ("labels", "temperature", "energy_threshold")) + (
            described["step"]["columns"],
            model.is_denoised,
        )
        if given != expected:
            found.append(f"labels, temperature, energy threshold, step, denoised are {given} instead of {expected}")
        if found:
            raise UserError(
                f"expert {expert.name} in the bundle does not say on the device what the model says, no bundle "
                f"written: {', '.join(found)}"
            )


def as_seen(inputs: np.ndarray, denoiser: SourceModel | None) -> np.ndarray:
    """Normalised frames (N, 98, bands, 1) as they come to the expert."""
    return inputs if denoiser is None else keras_outputs(denoiser.trained, inputs)
