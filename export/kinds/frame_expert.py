"""A frame expert's evidence: log-mel frames, as the denoiser leaves them where it stands behind one."""

from pathlib import Path

import numpy as np

from edge.bundle import Bundle
from edge.errors import UserError
from export.kinds.evidence import Evidence
from export.kinds.frame_material import FrameMaterial, frame_material
from export.parity.comparison import EnergyTask, compare, keras_outputs, violations
from export.parity.feeds import INPUT_NAME, frames
from export.sources.source_model import SourceModel
from export.targets import Bounds

ENERGY = (
    "Of an expert on frames with an energy threshold, the labels of the calibration frames judge the energy score: "
    "whether cries are more known to it than other sounds. Their causes are not known: label agreement says how often "
    "a file answers as Keras does, not whether that is right."
)


def frame_expert_evidence(model: SourceModel, denoiser: SourceModel | None, calibration_dir: Path) -> Evidence:
    """What an expert on frames is judged on. denoiser: the one it stands behind.

    Raises UserError when the data or the model cannot be right.
    """
    material = frame_material(model, calibration_dir)
    ranges, inputs = (as_seen(part.inputs, denoiser) for part in (material.quantise, material.parity))
    reference = keras_outputs(model.trained, inputs)
    if not np.isfinite(reference).all():
        raise UserError(f"{model.directory}: the Keras model itself gives NaN or infinite logits: train it again")
    part, described = material.parity, model.description
    knows = described["energy_threshold"] is not None
    return Evidence(
        model=model,
        feeds=[{INPUT_NAME: x[None]} for x in ranges],
        streams=frames(inputs),
        reference=reference,
        sources=part.sources,
        task=EnergyTask(part.labels, part.groups) if knows else None,
        about={
            "calibration": material.counts(),
            "temperature": {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None},
            "open_threshold": None,
            "denoised": model.is_denoised,
        },
        warnings=[],
        notes=material.notes + ([ENERGY] if knows else []),
        check_on_device=lambda bundle, bounds: check_on_device(bundle, model, material, reference, bounds),
    )


def as_seen(inputs: np.ndarray, denoiser: SourceModel | None) -> np.ndarray:
    """Normalised frames (N, 98, bands, 1) as they come to the expert."""
    return inputs if denoiser is None else keras_outputs(denoiser.trained, inputs)


def check_on_device(
    bundle: Bundle, model: SourceModel, material: FrameMaterial, reference: np.ndarray, bounds: Bounds
) -> None:
    """Raise UserError unless the device's own path, from raw log-mel to logits, says what Keras says.

    It normalises, and goes through the denoiser, by itself: a manifest that describes them wrongly shows here.
    """
    name = model.description["name"]
    expert = next(expert for expert in bundle.experts if expert.name == name)
    expert.reset()
    logits = []
    for frame in material.parity.log_mel:
        seen = bundle.denoiser.estimate(frame) if expert.is_denoised else frame
        logits.append(expert.push(seen).copy())
    expert.reset()
    found = violations(compare(reference, np.array(logits), model.temperature, None), bounds)
    described = model.description
    given = (expert.labels, expert.temperature, expert.energy_threshold, expert.step_columns, expert.is_denoised)
    expected = tuple(described[key] for key in ("labels", "temperature", "energy_threshold")) + (
        described["step"]["columns"],
        model.is_denoised,
    )
    if given != expected:
        found.append(f"labels, temperature, energy threshold, step, denoised are {given} instead of {expected}")
    if found:
        raise UserError(
            f"expert {name} in the bundle does not say on the device what Keras says, no bundle written: "
            f"{', '.join(found)}"
        )
