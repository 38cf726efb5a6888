"""A detector's evidence: the tensors of calibration_data, with the labels of their recordings."""

from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.decision.calibration import fit_temperature
from edge.errors import UserError
from export.kinds.evidence import Evidence
from export.kinds.frame_material import check_spread
from export.parity.calibration import Calibration, Part, load_calibration
from export.parity.comparison import Task, compare, keras_outputs, posteriors, violations
from export.parity.feeds import INPUT_NAME, frames
from export.parity.metrics import auc, calibration_error, group_draws, interval
from export.sources.source_model import SourceModel
from export.targets import Bounds

SAME = 1e-6  # of probabilities that only rounding may separate
AUC_LOSS = 0.005  # against the AUC that training recorded


def detector_evidence(model: SourceModel, calibration_dir: Path) -> Evidence:
    """What a detector is judged on. Raises UserError when the data or the model cannot be right."""
    calibration = load_calibration(calibration_dir, model)
    model, temperature = with_temperature(model, calibration)
    part = calibration.parity
    reference = keras_outputs(model.trained, part.inputs)
    threshold = model.description["decision"]["open_threshold"]
    task = Task(part.labels, part.groups, threshold)
    parts = vars(calibration).items()
    return Evidence(
        model=model,
        feeds=[{INPUT_NAME: x[None]} for x in calibration.quantise.inputs],
        streams=frames(part.inputs),
        reference=reference,
        sources=part.sources,
        task=task,
        about={
            "calibration": {name: {"frames": len(p.log_mel), "groups": len(set(p.groups))} for name, p in parts},
            "temperature": temperature,
            "open_threshold": threshold,
        },
        warnings=check_source(model, reference, part),
        notes=[],
        check_on_device=lambda bundle, bounds: check_on_device(bundle, model, reference, part, task, bounds),
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


def check_on_device(bundle: Bundle, model: SourceModel, reference: np.ndarray, part: Part, task: Task, bounds: Bounds):
    """Raise UserError unless the device's own path, from raw log-mel to p(cry), says what Keras says.

    It normalises and applies the temperature by itself: a manifest that describes them wrongly shows here.
    """
    logits = np.array([[bundle.detector.logit(frame)] for frame in part.log_mel])
    found = violations(compare(reference, logits, model.temperature, task), bounds)
    probability = np.array([bundle.detector.probability(frame) for frame in part.log_mel])
    expected = posteriors(logits, model.temperature)[:, -1]
    if not np.abs(probability - expected).max() <= SAME:
        found.append(f"p differs by {np.abs(probability - expected).max():.3g} at temperature {model.temperature:g}")
    if found:
        raise UserError(f"the bundle does not say on the device what Keras says, no bundle written: {', '.join(found)}")
