"""A denoiser: a log-mel frame in, the clean one out, judged on mixtures whose clean frame is known."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import DENOISER, LOG_MEL
from edge.errors import UserError
from edge.frames import FRAME_HOP_S
from export.kinds.frame_material import frame_material
from export.kinds.kind import COMMON_DEFAULTS, FRAME_MEAN, ModelKind
from export.model import SourceModel
from export.networks import ESTIMATE_NAME, INPUT_NAME, frames
from export.parity.calibration import Provenance
from export.parity.comparison import keras_outputs
from export.parity.estimates import EstimateComparison, Mixtures, centred, distance_db, gains_db, mixtures
from export.parity.evidence import Evidence
from export.parity.not_finite import check_finite
from export.targets import Bounds

LEAST_GAIN_DB = 0.1  # a network that was not trained may come that much nearer by chance
LEAST_CHANGE_DB = 0.3  # one that was not trained begins with hardly any change: .04 dB of any preset
MOST_HARM_DB = 3.0  # one trained with its expert alone may cost some: that is for the expert to judge
NO_ANSWER = {"value": None, "fitted": False, "ece_before": None, "ece_after": None}


class Denoiser(ModelKind):
    """A normalised frame to one of the same shape; it runs as often as the expert behind it."""

    role = DENOISER
    features = (LOG_MEL,)
    defaults = {**COMMON_DEFAULTS, "normalisation": FRAME_MEAN}
    manifest_keys = ("role", "name", "feature", "normalisation")
    output_name = ESTIMATE_NAME
    gives_logits = False

    def check_answers(self, fields: Fields) -> None:
        """It has no answers."""

    def output_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """A frame like the one that comes in."""
        return self.input_shape(description)

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """As often as the most frequent expert behind it."""
        return min((m.kind.answers_every_s(m, models) for m in models if m.is_denoised), default=FRAME_HOP_S)

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """The parity frames, and after them mixtures of them."""
        material = frame_material(model, calibration_dir)
        part = material.parity
        mixed = mixtures(part, material.is_clean, model.scale)
        inputs = np.concatenate([part.inputs, mixed.noisy])
        reference = keras_outputs(model.trained, inputs)
        check_finite(model, reference, "frames", inputs)
        warnings = check_source(model, reference, mixed)
        provenance = [Provenance(f"mixture {n}", "mixtures", "mixture") for n in range(len(mixed.noisy))]
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in material.quantise.inputs],
            streams=frames(inputs),
            reference=reference,
            comparison=EstimateComparison(mixed, model.scale, part.provenance + provenance),
            raw=part.features,
            about={"calibration": material.counts(), "temperature": NO_ANSWER, "open_threshold": None},
            warnings=warnings,
            notes=material.notes,
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From raw log-mel to the clean frame."""
        estimates = np.array([bundle.denoiser.estimate(frame).copy() for frame in evidence.raw])[..., None]
        found = distance_db(estimates, evidence.reference[: len(estimates)], evidence.model.scale).mean()
        if not found <= bounds.distance_db:
            raise UserError(
                f"the denoiser in the bundle does not give on the device what the model gives, no bundle written: "
                f"log-spectral distance {found:.3g} dB, at most {bounds.distance_db:g} dB is allowed"
            )


def check_source(model: SourceModel, reference: np.ndarray, mixed: Mixtures) -> list[str]:
    """Warnings about the model itself. Raises UserError when it cannot be right: no conversion tells that.

    reference: its estimates, of which the last are of the mixtures.
    """
    estimates = reference[-len(mixed.noisy) :]
    gain = float(gains_db(estimates, mixed, model.scale).mean())
    change = float(distance_db(centred(estimates), centred(mixed.noisy), model.scale).mean())
    it = f"{model.directory}: the {model.origin} model"
    what = f"{it} brings cries with other sounds under them {gain:.2f} dB nearer to the"
    if gain < LEAST_GAIN_DB and (change < LEAST_CHANGE_DB or gain < -MOST_HARM_DB):
        raise UserError(
            f"{what} cries alone, and changes them by {change:.2f} dB: it is not trained, or its normalisation is not "
            f"that of its training"
        )
    return [] if gain >= LEAST_GAIN_DB else [f"{what} cries alone: does it denoise?"]
