"""A detector: p(cry) of one frame, of log-mel judged on calibration_data, of a feature of its own on other sounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import DETECTOR, LOG_MEL, read_decision, read_labels
from edge.bundle.own_features import SIGMOID, CryLabels, read_cry_labels
from edge.decision.calibration import fit_temperature
from edge.dsp import frame_features
from edge.errors import UserError
from export.kinds.frame_material import check_spread
from export.kinds.kind import ANSWER_KEYS, COMMON_DEFAULTS, FRAME_MEAN, ModelKind
from export.model import SourceModel
from export.networks import INPUT_NAME, frames
from export.parity.calibration import Calibration, Part, load_calibration
from export.parity.comparison import LogitComparison, Task, keras_outputs, posteriors
from export.parity.double_precision import double_outputs
from export.parity.evidence import Evidence
from export.parity.metrics import auc, calibration_error, group_draws, interval
from export.parity.not_finite import check_finite
from export.parity.own_frames import CRY, Recordings, own_calibration
from export.parity.score import ScoreComparison
from export.targets import Bounds

SAME = 1e-6  # of probabilities that only rounding may separate
AUC_LOSS = 0.005  # against the AUC that training recorded


@dataclass(frozen=True)
class CryComparison(ScoreComparison):
    """Judges logits of several labels by that of a cry, which the device makes of them."""

    labels: CryLabels

    def scores(self, logits: np.ndarray) -> np.ndarray:
        """(N, 1)."""
        return cry_scores(logits, self.labels)


class Detector(ModelKind):
    """A logit of a cry, or one of each label, of one frame; its temperature may be fitted here."""

    role = DETECTOR
    features = (LOG_MEL, *frame_features.NAMES)
    defaults = {
        **COMMON_DEFAULTS,
        "normalisation": FRAME_MEAN,
        "temperature": None,  # fitted on the temperature part of the calibration data
        "energy_threshold": None,
        "decision": {"open_threshold": 0.6, "close_threshold": 0.4},
    }
    manifest_keys = (*ANSWER_KEYS, "decision")
    optional_keys: tuple[str, ...] = ("activation", "cry_labels")
    budget_multiply_adds = 10_000_000
    budget_bytes = {("tflite", "int8"): 200_000}

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless the labels say what a cry is and the thresholds do not cross."""
        read_cry_labels(fields, read_labels(fields, self.role))
        fields.optional_number("energy_threshold")
        if fields.content["temperature"] is not None:
            fields.positive("temperature")
        read_decision(fields.object("decision"))

    def defaults_on(self, feature: str | None) -> Mapping[str, Any]:
        """How a feature of one's own is normalised must be said."""
        return {k: v for k, v in self.defaults.items() if feature in (None, LOG_MEL) or k != "normalisation"}

    def input_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """A frame of its feature, or some of its rows."""
        feature = description["feature"]
        columns, bands = frame_features.frame_shape(feature["name"], feature["parameters"])
        return columns, len(description["normalisation"].get("rows", range(bands))), 1

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration: Path | Recordings) -> Evidence:
        """The quantise part for ranges, the parity part with its labels, where there are any, for the comparison."""
        material, notes = calibration_of(model, calibration)
        model, temperature = with_temperature(model, material)
        part, described = material.parity, model.description
        reference = keras_outputs(model.trained, part.inputs)
        threshold = described["decision"]["open_threshold"]
        task = None if part.labels is None else Task(part.labels, part.groups, threshold)
        labels = read_cry_labels(Fields(described, str(model.directory)), described["labels"])
        names = [CRY] if labels else described["labels"]
        judged: Any = LogitComparison(names, model.temperature, task, part.provenance)
        return Evidence(
            model=model,
            feeds=[{INPUT_NAME: x[None]} for x in material.quantise.inputs],
            streams=frames(part.inputs),
            reference=reference,
            comparison=CryComparison(judged, labels) if labels else judged,
            raw=part.features,
            about={
                "calibration": material.counts(),
                "temperature": temperature,
                "open_threshold": threshold,
            },
            warnings=check_source(model, cry_scores(reference, labels), reference, part),
            notes=notes,
            double=cache(lambda: double_outputs(model.trained, part.inputs)),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From raw log-mel to p(cry): the device normalises and applies the temperature by itself."""
        model, detector, comparison = evidence.model, bundle.detector, evidence.comparison
        answers = []
        for frame in evidence.raw:
            detector.look_at(frame)
            answers.append(detector.output[0].copy())
        found = comparison.violations(comparison.compare(evidence.reference, np.array(answers)).parity, bounds)
        probability = np.array([detector.probability(frame) for frame in evidence.raw])
        scores = comparison.scores(np.array(answers)) if isinstance(comparison, ScoreComparison) else np.array(answers)
        expected = posteriors(scores, model.temperature)[:, -1]
        if not np.abs(probability - expected).max() <= SAME:
            error = np.abs(probability - expected).max()
            found.append(f"p differs by {error:.3g} at temperature {model.temperature:g}")
        if found:
            raise UserError(
                f"the bundle does not say on the device what the model says, no bundle written: {', '.join(found)}"
            )


def calibration_of(model: SourceModel, calibration: Path | Recordings) -> tuple[Calibration, list[str]]:
    """Tensors of log-mel where they are there; else frames of recordings or of synthetic sounds. Raises UserError."""
    if isinstance(calibration, Path) and model.description["feature"]["name"] == LOG_MEL:
        return load_calibration(calibration, model), []
    recordings = calibration if isinstance(calibration, Recordings) else None
    material, note = own_calibration(model.description, recordings)
    return material, [note]


def cry_scores(logits: np.ndarray, labels: CryLabels | None) -> np.ndarray:
    """The logit of a cry, (N, 1), of logits (N, labels).

    Written again and not imported from edge: what the device does is compared with this.
    """
    if labels is None:
        return logits
    exact = logits.astype(np.float64)
    others = [n for n in range(logits.shape[1]) if n not in labels.cries]
    if labels.activation == SIGMOID:
        return exact[:, labels.cries].max(axis=1, keepdims=True)
    return (np.logaddexp.reduce(exact[:, labels.cries], 1) - np.logaddexp.reduce(exact[:, others], 1))[:, None]


def with_temperature(model: SourceModel, calibration: Calibration) -> tuple[SourceModel, dict[str, Any]]:
    """The model with its own temperature, or with the one fitted on the temperature part; and what it does there.

    Without labels there is nothing to fit on, and it is 1.
    """
    part = calibration.temperature
    if part is None or part.labels is None:
        model = model if model.temperature is not None else model.with_temperature(1.0)
        return model, {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None}
    described = model.description
    labels = read_cry_labels(Fields(described, str(model.directory)), described["labels"])
    logits = cry_scores(keras_outputs(model.trained, part.inputs), labels)
    classes = part.labels.astype(int)
    fitted = model.temperature is None
    if fitted:
        check_finite(model, logits, "logits", part.inputs)
        model = model.with_temperature(round(fit_temperature(logits, classes), 4))
    return model, {
        "value": model.temperature,
        "fitted": fitted,
        "ece_before": calibration_error(posteriors(logits, 1.0), classes),
        "ece_after": calibration_error(posteriors(logits, model.temperature), classes),
    }


def check_source(model: SourceModel, scores: np.ndarray, reference: np.ndarray, part: Part) -> list[str]:
    """Warnings about the model itself. Raises UserError when its description cannot be right.

    reference: its logits (N, labels) on the part; scores: those of a cry, (N, 1). A scale or a label that is not the
    one of its training converts without an error; only what the model is for gives it away.
    """
    check_finite(model, reference, "logits on the calibration data", part.inputs)
    check_spread(model, part.inputs)
    if part.labels is None:
        return []
    found = auc(scores[:, -1], part.labels)
    low, high = interval([auc(scores[rows, -1], part.labels[rows]) for rows in group_draws(part.labels, part.groups)])
    known = model.description["metrics"].get("parity_auc")
    if known is not None and found < known - AUC_LOSS:
        raise UserError(
            f"{model.directory}: the {model.origin} model has an AUC of {found:.4f} on the parity part, "
            f"metrics.parity_auc says {known:g}: labels, normalisation or weights are not those of its training"
        )
    if high < 0.5:
        raise UserError(
            f"{model.directory}: the {model.origin} model ranks the parity part worse than chance (AUC {found:.3f}, "
            f"95 % {low:.3f} to {high:.3f}): its labels are swapped, or its normalisation is not that of its training"
        )
    if low <= 0.5:
        return [
            f"the {model.origin} model is no better than chance on the parity part (AUC {found:.3f}): is it trained?"
        ]
    return []
