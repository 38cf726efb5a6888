"""A denoiser's evidence: log-mel frames, and mixtures whose clean frame is known."""

from pathlib import Path

import numpy as np

from edge.bundle import Bundle
from edge.errors import UserError
from export.kinds.denoising import Mixtures, centred, distance_db, gains_db, mixtures
from export.kinds.evidence import Evidence
from export.kinds.frame_material import FrameMaterial, frame_material
from export.parity.calibration import Source
from export.parity.comparison import keras_outputs
from export.parity.feeds import INPUT_NAME, frames
from export.sources.source_model import SourceModel
from export.targets import Bounds

LEAST_GAIN_DB = 0.1  # a network that was not trained may come that much nearer by chance
LEAST_CHANGE_DB = 0.3  # one that was not trained begins with hardly any change: .04 dB of any preset
MOST_HARM_DB = 3.0  # one trained with its expert alone may cost some: that is for the expert to judge
NO_ANSWER = {"value": None, "fitted": False, "ece_before": None, "ece_after": None}


def denoiser_evidence(model: SourceModel, calibration_dir: Path) -> Evidence:
    """What a denoiser is judged on. Raises UserError when the data or the model cannot be right."""
    material = frame_material(model, calibration_dir)
    mixed = mixtures(material, model.scale)
    inputs = np.concatenate([material.parity.inputs, mixed.noisy])
    reference = keras_outputs(model.trained, inputs)
    warnings = check_source(model, reference, mixed)
    part = material.parity
    return Evidence(
        model=model,
        feeds=[{INPUT_NAME: x[None]} for x in material.quantise.inputs],
        streams=frames(inputs),
        reference=reference,
        sources=part.sources + [Source(f"mixture {n}", "mixtures", "mixture") for n in range(len(mixed.noisy))],
        task=None,
        mixtures=mixed,
        about={"calibration": material.counts(), "temperature": NO_ANSWER, "open_threshold": None},
        warnings=warnings,
        notes=material.notes,
        check_on_device=lambda bundle, bounds: check_on_device(bundle, model, material, reference, bounds),
    )


def check_source(model: SourceModel, reference: np.ndarray, mixed: Mixtures) -> list[str]:
    """Warnings about the Keras model itself. Raises UserError when it cannot be right: no conversion tells that.

    reference: its estimates, of which the last are of the mixtures.
    """
    if not np.isfinite(reference).all():
        raise UserError(f"{model.directory}: the Keras model itself gives NaN or infinite frames: train it again")
    estimates = reference[-len(mixed.noisy) :]
    gain = float(gains_db(estimates, mixed, model.scale).mean())
    change = float(distance_db(centred(estimates), centred(mixed.noisy), model.scale).mean())
    what = f"{model.directory}: the Keras model brings cries with other sounds under them {gain:.2f} dB nearer to the"
    if gain < LEAST_GAIN_DB and (change < LEAST_CHANGE_DB or gain < -MOST_HARM_DB):
        raise UserError(
            f"{what} cries alone, and changes them by {change:.2f} dB: it is not trained, or its normalisation is not "
            f"that of its training"
        )
    return [] if gain >= LEAST_GAIN_DB else [f"{what} cries alone: does it denoise?"]


def check_on_device(
    bundle: Bundle, model: SourceModel, material: FrameMaterial, reference: np.ndarray, bounds: Bounds
) -> None:
    """Raise UserError unless the device's own path, from raw log-mel to the clean frame, gives what Keras gives."""
    estimates = np.array([bundle.denoiser.estimate(frame).copy() for frame in material.parity.log_mel])[..., None]
    found = distance_db(estimates, reference[: len(estimates)], model.scale).mean()
    if not found <= bounds.distance_db:
        raise UserError(
            f"the denoiser in the bundle does not give on the device what Keras gives, no bundle written: log-spectral "
            f"distance {found:.3g} dB, at most {bounds.distance_db:g} dB is allowed"
        )
