"""An embedding: what a second of a cry is like, judged by the scores between seconds that the device makes of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle, open_embedding
from edge.bundle.fields import Fields
from edge.bundle.model import EMBEDDING, LOG_MEL
from edge.errors import UserError
from edge.frames import FRAME_S
from export.kinds.denoiser import NO_ANSWER
from export.kinds.frame_material import frame_material
from export.kinds.kind import COMMON_DEFAULTS, FRAME_MEAN, ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME, VECTOR_NAME, frames
from export.parity.comparison import keras_outputs
from export.parity.directions import DirectionComparison, direction_violations, directions
from export.parity.evidence import Evidence
from export.parity.not_finite import check_finite
from export.targets import Bounds

LEAST_SPREAD = 0.01  # standard deviation of the scores between seconds: below it they tell nobody apart
BIOMETRIC = (
    "The bundle holds an embedding: what it gives of a cry is biometric. The device computes it only where its owner "
    "sets [infant] enabled, and keeps the mean of one infant alone."
)


class Embedding(ModelKind):
    """A vector of one frame; only its direction counts."""

    role = EMBEDDING
    features = (LOG_MEL,)
    defaults = {**COMMON_DEFAULTS, "normalisation": FRAME_MEAN}
    manifest_keys = ("role", "name", "feature", "normalisation", "dimensions")
    output_name = VECTOR_NAME
    gives_logits = False
    budget_multiply_adds = 60_000_000

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless `dimensions` can be."""
        fields.integer("dimensions", 2)

    def output_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """A vector."""
        return (description["dimensions"],)

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """Once a frame's length, while a cry is loud."""
        return FRAME_S

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """The frames of the calibration data; whose they are does not matter to what a file does to their scores."""
        material = frame_material(model, calibration_dir)
        part = material.parity
        reference = keras_outputs(model.trained, part.inputs)
        check_finite(model, reference, "vectors", part.inputs)
        check_source(model, reference)
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in material.quantise.inputs],
            streams=frames(part.inputs),
            reference=reference,
            comparison=DirectionComparison(part.provenance),
            raw=part.features,
            about={"calibration": material.counts(), "temperature": NO_ANSWER, "open_threshold": None},
            notes=[*material.notes, BIOMETRIC],
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From raw log-mel to directions."""
        embedding = open_embedding(bundle.directory)
        given = np.array([embedding.direction(frame) for frame in evidence.raw])
        parity = evidence.comparison.compare(directions(evidence.reference), given).parity
        found = direction_violations(parity, bounds)
        if found:
            raise UserError(
                f"the embedding in the bundle does not give on the device what Keras gives, no bundle written: "
                f"{', '.join(found)}"
            )


def check_source(model: SourceModel, reference: np.ndarray) -> None:
    """Raise UserError when the Keras model itself cannot be right: no conversion tells that."""
    found = directions(reference)
    spread = float((found @ found.T).std())
    if not spread >= LEAST_SPREAD:
        raise UserError(
            f"{model.directory}: the Keras model gives all sounds the same direction (scores spread by {spread:.2g}): "
            f"it is not trained, or its normalisation is not that of its training"
        )
