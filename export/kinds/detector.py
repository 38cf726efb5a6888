"""A detector: p(cry) of one log-mel frame, judged on calibration_data by the labels of its recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import DETECTOR, LOG_MEL, read_decision, read_labels
from edge.decision.calibration import fit_temperature
from edge.errors import UserError
from export.kinds.frame_material import check_spread
from export.kinds.kind import ANSWER_KEYS, COMMON_DEFAULTS, FRAME_MEAN, ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME, frames
from export.parity.calibration import Calibration, Part, load_calibration
from export.parity.comparison import LogitComparison, Task, compare, keras_outputs, posteriors, violations
from export.parity.evidence import Evidence
from export.parity.metrics import auc, calibration_error, group_draws, interval
from export.targets import Bounds

SAME = 1e-6  # of probabilities that only rounding may separate
AUC_LOSS = 0.005  # against the AUC that training recorded


class Detector(ModelKind):
    """One logit of one frame; its temperature may be fitted here."""

    role = DETECTOR
    features = (LOG_MEL,)
    defaults = {
        **COMMON_DEFAULTS,
        "normalisation": FRAME_MEAN,
        "temperature": None,  # fitted on the temperature part of the calibration data
        "energy_threshold": None,
        "decision": {"open_threshold": 0.6, "close_threshold": 0.4},
    }
    manifest_keys = (*ANSWER_KEYS, "decision")
    budget_multiply_adds = 10_000_000
    budget_bytes = {("tflite", "int8"): 200_000}

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless there is one label and the thresholds do not cross."""
        read_labels(fields, self.role)
        fields.optional_number("energy_threshold")
        if fields.content["temperature"] is not None:
            fields.positive("temperature")
        read_decision(fields.object("decision"))

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """The quantise part for ranges, the parity part with its labels for the comparison."""
        calibration = load_calibration(calibration_dir, model)
        model, temperature = with_temperature(model, calibration)
        part = calibration.parity
        reference = keras_outputs(model.trained, part.inputs)
        threshold = model.description["decision"]["open_threshold"]
        task = Task(part.labels, part.groups, threshold)
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in calibration.quantise.inputs],
            streams=frames(part.inputs),
            reference=reference,
            comparison=LogitComparison(model.description["labels"], model.temperature, task, part.provenance),
            raw=part.features,
            about={
                "calibration": calibration.counts(),
                "temperature": temperature,
                "open_threshold": threshold,
            },
            warnings=check_source(model, reference, part),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From raw log-mel to p(cry): the device normalises and applies the temperature by itself."""
        model, detector = evidence.model, bundle.detector
        task = cast(LogitComparison, evidence.comparison).task
        logits = np.array([[detector.logit(frame)] for frame in evidence.raw])
        found = violations(compare(evidence.reference, logits, model.temperature, task), bounds)
        probability = np.array([detector.probability(frame) for frame in evidence.raw])
        expected = posteriors(logits, model.temperature)[:, -1]
        if not np.abs(probability - expected).max() <= SAME:
            error = np.abs(probability - expected).max()
            found.append(f"p differs by {error:.3g} at temperature {model.temperature:g}")
        if found:
            raise UserError(
                f"the bundle does not say on the device what Keras says, no bundle written: {', '.join(found)}"
            )


def with_temperature(model: SourceModel, calibration: Calibration) -> tuple[SourceModel, dict[str, Any]]:
    """The model with its own temperature, or with the one fitted on the temperature part; and what it does there."""
    part = calibration.temperature
    logits = keras_outputs(model.trained, part.inputs)
    classes = part.labels.astype(int)
    fitted = model.temperature is None
    if fitted:
        if not np.isfinite(logits).all():
            raise UserError(f"{model.directory}: the Keras model itself gives NaN or infinite logits: train it again")
        model = model.with_temperature(round(fit_temperature(logits, classes), 4))
    return model, {
        "value": model.temperature,
        "fitted": fitted,
        "ece_before": calibration_error(posteriors(logits, 1.0), classes),
        "ece_after": calibration_error(posteriors(logits, model.temperature), classes),
    }


def check_source(model: SourceModel, reference: np.ndarray, part: Part) -> list[str]:
    """Warnings about the Keras model itself. Raises UserError when its description cannot be right.

    reference: its logits (N, labels) on the part. A scale or a label that is not the one of its training converts
    without an error; only what the model is for gives it away.
    """
    if not np.isfinite(reference).all():
        raise UserError(
            f"{model.directory}: the Keras model itself gives NaN or infinite logits on the calibration "
            f"data: train it again"
        )
    check_spread(model, part.inputs)
    found = auc(reference[:, -1], part.labels)
    low, high = interval(
        [auc(reference[rows, -1], part.labels[rows]) for rows in group_draws(part.labels, part.groups)]
    )
    known = model.description["metrics"].get("parity_auc")
    if known is not None and found < known - AUC_LOSS:
        raise UserError(
            f"{model.directory}: the Keras model has an AUC of {found:.4f} on the parity part, metrics.parity_auc says "
            f"{known:g}: labels, normalisation or weights are not those of its training"
        )
    if high < 0.5:
        raise UserError(
            f"{model.directory}: the Keras model ranks the parity part worse than chance (AUC {found:.3f}, 95 % "
            f"{low:.3f} to {high:.3f}): its labels are swapped, or its normalisation is not that of its training"
        )
    if low <= 0.5:
        return [f"the Keras model is no better than chance on the parity part (AUC {found:.3f}): is it trained?"]
    return []
