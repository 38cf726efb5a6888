"""The log-mel frames that a denoiser and the experts on frames are quantised and compared on.

Those of calibration_data where they are of the model's bands, else frames of synthetic sounds.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edge.dsp.log_mel import N_MELS, LogMelStream
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS
from export.model import SourceModel
from export.parity.calibration import Part, Provenance, load_calibration, normalised
from export.parity.synthetic_inputs import synthetic_clips

USED_PARTS = ("quantise", "parity")
INPUT_SPREAD = (0.2, 5.0)  # standard deviation of what a normalised network may be shown
CLEAN, CRY = "clean", "cry"  # the condition of calibration_data, the kind of synthetic sound, with nothing else in it
SYNTHETIC_FRAMES = (
    "The frames of calibration_data have {} bands: what looks at {} is quantised and compared on frames of synthetic "
    "sounds (cries, voices, a household), which are the same each time."
)


@dataclass(frozen=True)
class FrameMaterial:
    """Frames to take int8 ranges from, and to compare on; is_clean: of these, (N,) where nothing else sounds."""

    quantise: Part
    parity: Part
    is_clean: np.ndarray
    notes: list[str]

    def counts(self) -> dict[str, dict[str, int]]:
        """Frames and groups of each part, for the report."""
        parts = {"quantise": self.quantise, "parity": self.parity}
        return {name: {"frames": len(p.features), "groups": len(set(p.groups))} for name, p in parts.items()}


def frame_material(model: SourceModel, calibration_dir: Path) -> FrameMaterial:
    """The frames for a model that looks at log-mel. Raises UserError when data or normalisation cannot be right."""
    n_mels = model.description["feature"]["parameters"]["n_mels"]
    if n_mels == N_MELS:
        calibration = load_calibration(calibration_dir, model)
        is_clean = np.array([p.condition == CLEAN for p in calibration.parity.provenance])
        is_clean |= not is_clean.any()  # data of other conditions
        material = FrameMaterial(calibration.quantise, calibration.parity, is_clean, [])
    else:
        quantise, parity = (synthetic_part(part, n_mels, model.scale) for part in USED_PARTS)
        is_clean = np.array([p.condition.startswith(f"{CRY},") for p in parity.provenance]) | ~parity.labels
        note = SYNTHETIC_FRAMES.format(N_MELS, n_mels)
        material = FrameMaterial(replace(quantise, labels=None), parity, is_clean, [note])
    check_spread(model, material.parity.inputs)
    return material


def synthetic_part(part: str, n_mels: int, scale: float) -> Part:
    """Every whole frame of every clip of a part."""
    frames, labels, provenance = [], [], []
    for clip in synthetic_clips(part):
        columns = LogMelStream(n_mels).push(clip.samples)
        for first in range(0, len(columns) - FRAME_COLUMNS + 1, FRAME_COLUMNS):
            frames.append(columns[first : first + FRAME_COLUMNS])
            labels.append(clip.condition.startswith(CRY))
            provenance.append(Provenance(clip.name, clip.name, clip.condition))
    log_mel = np.array(frames)
    return Part(log_mel, normalised(log_mel, scale), np.array(labels), provenance)


def check_spread(model: SourceModel, inputs: np.ndarray) -> None:
    """Raise UserError when the scale is of another unit: such a model converts without an error."""
    spread = float(inputs.std())
    if model.description["normalisation"]["kind"] == "none":
        return  # whatever it was trained on
    if not INPUT_SPREAD[0] <= spread <= INPUT_SPREAD[1]:
        scale = model.description["normalisation"].get("scale")
        raise UserError(
            f"{model.directory}: normalisation{f'.scale {scale:g}' if scale else ''} gives the network inputs with a "
            f"standard deviation of {spread:.2g}, {INPUT_SPREAD[0]:g} to {INPUT_SPREAD[1]:g} is expected: give the "
            f"scale of its training"
        )
