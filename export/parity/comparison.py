"""How far an exported file is from Keras, measured in the engine that will run it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge.decision.calibration import energy, log_posterior
from export.onnx_model import OnnxModel
from export.parity.calibration import Provenance
from export.parity.evidence import Compared, error_points, finite, worst_rows
from export.parity.metrics import Change, auc, balanced_accuracy, calibration_error, change, recall_at, surely_above
from export.targets import Bounds

NEAR = 0.05  # of probabilities, to the threshold of a decision
CLEAR_MARGIN = 0.05  # between the two likeliest labels of Keras; below it a changed label means nothing
KERAS_BATCH = 64
FALSE_POSITIVES = 0.05  # share of the other sounds that a recall is given at


@dataclass(frozen=True)
class Task:
    """What a frame's posterior is worth is judged by: labels (N,) bool, groups (N,), the opening threshold."""

    labels: np.ndarray
    groups: Sequence[str]
    threshold: float


@dataclass(frozen=True)
class EnergyTask:
    """What a frame's energy score is worth is judged by: labels (N,) bool, whether it is known; groups (N,)."""

    labels: np.ndarray
    groups: Sequence[str]


@dataclass(frozen=True)
class Parity:
    """Differences from Keras over the parity part of the calibration data."""

    n: int
    max_abs_logit: float  # of Keras: what logit errors are measured against
    max_logit_error: float
    p99_logit_error: float
    mean_logit_error: float
    max_posterior_error: float
    p99_posterior_error: float
    mean_posterior_error: float
    n_clear: int  # frames where Keras's margin is at least CLEAR_MARGIN
    label_agreement: float | None  # over those; None when there are none
    auc: Change | None  # of the task, as all that follows; None where it is not known
    balanced_accuracy: Change | None  # at the opening threshold
    flips: float | None  # share of the frames whose decision at that threshold changes, Keras's within NEAR of it
    recall: Change | None  # at FALSE_POSITIVES
    energy_auc: Change | None  # of an expert with an energy threshold: whether cries are more known than the rest
    ece_keras_raw: float | None  # calibration errors: of Keras at temperature 1
    ece_keras: float | None  # at the model's temperature
    ece: float | None  # of the file at that temperature

    def as_dict(self) -> dict[str, Any]:
        """For the report; JSON has no NaN, so what is not finite becomes None."""
        return {
            key: value if isinstance(value, dict) or value is None or np.isfinite(value) else None
            for key, value in asdict(self).items()
        }


def keras_outputs(model: Any, inputs: np.ndarray) -> np.ndarray:
    """What the model as it was saved says of (N, ...) inputs: (N, labels) logits, (N, ...) of a denoiser."""
    if isinstance(model, OnnxModel):
        return model.answers(inputs)
    size = model.inputs[0].shape[0] or KERAS_BATCH
    batches = [np.asarray(model(inputs[i : i + size], training=False)) for i in range(0, len(inputs), size)]
    return np.concatenate(batches).astype(np.float32)  # whatever precision it has inside


def posteriors(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, classes) at a temperature: softmax; one logit stands against zero, as a sigmoid does."""
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    return np.exp(log_posterior(logits, temperature))


def posterior_errors(reference: np.ndarray, logits: np.ndarray, temperature: float) -> np.ndarray:
    """Per frame the largest difference of a posterior, (N,)."""
    return np.abs(posteriors(logits, temperature) - posteriors(reference, temperature)).max(axis=1)


def compare(reference: np.ndarray, logits: np.ndarray, temperature: float, task: Task | EnergyTask | None) -> Parity:
    """Parity of logits (N, K) against those of Keras; without a task, what they are worth stays open."""
    logit_error = np.abs(logits - reference)
    expected, got = posteriors(reference, temperature), posteriors(logits, temperature)
    posterior_error = posterior_errors(reference, logits, temperature)
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] >= CLEAR_MARGIN
    same = got.argmax(axis=1) == expected.argmax(axis=1)
    return Parity(
        n=len(reference),
        max_abs_logit=float(np.abs(reference).max()),
        max_logit_error=float(logit_error.max()),
        p99_logit_error=float(np.percentile(logit_error, 99)),
        mean_logit_error=float(logit_error.mean()),
        max_posterior_error=float(posterior_error.max()),
        p99_posterior_error=float(np.percentile(posterior_error, 99)),
        mean_posterior_error=float(posterior_error.mean()),
        n_clear=int(clear.sum()),
        label_agreement=float(same[clear].mean()) if clear.any() else None,
        **task_metrics(reference, logits, temperature, task),
    )


def task_metrics(
    reference: np.ndarray, logits: np.ndarray, temperature: float, task: Task | EnergyTask | None
) -> dict[str, Any]:
    """What the answers are worth by the task's labels: the fields of Parity by name."""
    fields = dict.fromkeys(
        ("auc", "balanced_accuracy", "flips", "recall", "energy_auc", "ece_keras_raw", "ece_keras", "ece")
    )
    if isinstance(task, EnergyTask):
        before, after = (-energy(answers, temperature) for answers in (reference, logits))
        return {**fields, "energy_auc": change(auc, before, after, task.labels, task.groups)}
    if task is None:
        return fields
    expected, got = posteriors(reference, temperature), posteriors(logits, temperature)
    classes = task.labels.astype(int)
    return {
        **fields,
        "auc": change(auc, reference[:, -1], logits[:, -1], task.labels, task.groups),
        "balanced_accuracy": change(
            balanced_accuracy(task.threshold), expected[:, -1], got[:, -1], task.labels, task.groups
        ),
        "flips": flips(expected[:, -1], got[:, -1], task.threshold),
        "recall": change(recall_at(FALSE_POSITIVES), reference[:, -1], logits[:, -1], task.labels, task.groups),
        "ece_keras_raw": calibration_error(posteriors(reference, 1.0), classes),
        "ece_keras": calibration_error(expected, classes),
        "ece": calibration_error(got, classes),
    }


def flips(expected: np.ndarray, got: np.ndarray, threshold: float) -> float:
    """The share of decisions (N,) that change, of those where the expected probability is NEAR the threshold."""
    changed = (expected >= threshold) != (got >= threshold)
    return float((changed & (np.abs(expected - threshold) <= NEAR)).mean())


def violations(parity: Parity, bounds: Bounds) -> list[str]:
    """Every bound that is not kept, in words. A NaN keeps none."""
    relative_logit_error = parity.max_logit_error / max(1.0, parity.max_abs_logit)
    found = []
    # Written as "not kept", because every comparison with NaN is false.
    if not parity.mean_logit_error < float("inf"):
        found.append("logits are NaN or infinite")
    if bounds.logit_error is not None and not relative_logit_error <= bounds.logit_error:
        found.append(f"logit error {relative_logit_error:.3g}, at most {bounds.logit_error:g} is allowed")
    if not parity.max_posterior_error <= bounds.posterior_error:
        found.append(f"posterior error {parity.max_posterior_error:.3g}, at most {bounds.posterior_error:g} is allowed")
    if parity.label_agreement is None:
        found += undecided(parity)
    elif parity.label_agreement < bounds.label_agreement:
        found.append(f"label agreement {parity.label_agreement:.4g}, at least {bounds.label_agreement:g} is needed")
    if parity.flips is not None and surely_above(round(parity.flips * parity.n), parity.n, bounds.flips):
        found.append(f"{parity.flips:.2%} of decisions, near the threshold, flip: surely over {bounds.flips:.2%}")
    return found + task_violations(parity, bounds.task_loss_points)


def undecided(parity: Parity) -> list[str]:
    """Where Keras is never clear, a detector is not trained; an expert may be as honest as that, and must stay so."""
    if parity.auc is not None:
        return ["the model is undecided on every calibration frame, so label agreement cannot be measured"]
    if parity.max_posterior_error <= CLEAR_MARGIN:
        return []
    return [f"the model is undecided everywhere, and the posterior error is {parity.max_posterior_error:.3g}"]


def task_violations(parity: Parity, allowed: float) -> list[str]:
    """The upper end of the AUC's fall may be `allowed` points; of metrics at a threshold, which some frames near it
    move by that much, and of an AUC that no one trained for, the whole interval must lie beyond before it counts."""
    found = []
    if parity.auc is not None and parity.auc.low is not None and -parity.auc.low > allowed:
        found.append(
            f"AUC falls by {-parity.auc.points:.2f} points, 95 % up to {-parity.auc.low:.2f}, at most {allowed:g} is "
            f"allowed"
        )
    for name, metric in (
        ("balanced accuracy", parity.balanced_accuracy),
        ("recall", parity.recall),
        ("energy AUC", parity.energy_auc),
    ):
        tells = metric is not None and metric.points is not None and metric.keras > 0.5  # below it there is no use
        if tells and -metric.high > allowed:
            found.append(
                f"{name} falls by {-metric.points:.2f} points, surely by {-metric.high:.2f}, at most {allowed:g} is "
                f"allowed"
            )
    return found


@dataclass(frozen=True)
class LogitComparison:
    """Judges logits (N, labels): how posteriors move, which label is likeliest, what they are worth for a task."""

    labels: Sequence[str]
    temperature: float
    task: Task | EnergyTask | None  # None where the true labels are not known
    provenance: list[Provenance]

    def compare(self, reference: np.ndarray, outputs: np.ndarray) -> Compared:
        """Logits of a file beside those of Keras."""
        parity = compare(reference, outputs, self.temperature, self.task)
        return Compared(parity, self.worst(reference, outputs), error_points(reference, outputs))

    def violations(self, parity: Parity, bounds: Bounds) -> list[str]:
        """Every bound that is not kept, in words."""
        return violations(parity, bounds)

    def worst(self, reference: np.ndarray, outputs: np.ndarray) -> list[dict[str, Any]]:
        """The inputs whose posterior moved most: where from, and both posteriors of one label.

        Of a task it is the task's own, with whether it is there; else the one that Keras finds likeliest, by name.
        """
        before, after = posteriors(reference, self.temperature), posteriors(outputs, self.temperature)
        one_label = isinstance(self.task, Task)
        rows = []
        for n, row in worst_rows(posterior_errors(reference, outputs, self.temperature), self.provenance):
            shown = before.shape[1] - 1 if one_label else int(before[n].argmax())
            label = bool(self.task.labels[n]) if one_label else self.labels[shown]
            rows.append({**row, "label": label, "keras": finite(before[n, shown]), "file": finite(after[n, shown])})
        return rows
