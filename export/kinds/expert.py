"""A fused expert: the cause of a cry from fused columns, streamed on synthetic sounds through its step graph."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import EXPERT, FUSED, read_labels, read_step
from edge.dsp.fused import FusedStream
from edge.errors import UserError
from edge.frames import FRAME_HOP
from export.kinds.kind import ANSWER_KEYS, COMMON_DEFAULTS, ModelKind
from export.model import SourceModel
from export.networks import Network, Shapes, Stream, answers, keras_network, run, state_shapes
from export.parity.calibration import Provenance
from export.parity.comparison import LogitComparison, compare, keras_outputs, violations
from export.parity.double_precision import double_answers
from export.parity.evidence import Evidence
from export.parity.not_finite import check_finite
from export.parity.synthetic_inputs import SEEDS, synthetic_clips
from export.targets import Bounds

COLUMN_S = 0.015
COLUMNS, VALID, PAST_VALID = "columns", "valid", "state_valid"  # the step graph's own names
STEP_LOGIT_ERROR = 1e-3  # of the step graph against the saved model, over max(1, max |logit|)
USUAL_SPREAD = (0.2, 5.0)  # standard deviation of z-scored columns
SYNTHETIC = (
    f"Experts: int8 ranges and comparison are from synthetic sounds (cries, voices, a household, at several levels and "
    f"bandwidths; seed {SEEDS['quantise']} for ranges, {SEEDS['parity']} for the comparison), because fused tensors "
    f"of recordings, which can nearly be turned back into sound, are not kept. Such sounds have no cause, so that no "
    f"task metric can be measured here: label agreement says how often a file answers as the model does, not whether "
    f"that is right."
)


class FusedExpert(ModelKind):
    """Logits of causes, of a few new columns and the states: its graph comes from the hook that model.json names."""

    role = EXPERT
    features = (FUSED,)
    defaults = {**COMMON_DEFAULTS, "energy_threshold": None, "step": {"columns": 14, "window_columns": 233}}
    manifest_keys = (*ANSWER_KEYS, "name", "step")
    unread_keys = ("unit",)
    may_be_several = True
    budget_multiply_adds = 60_000_000
    budget_bytes = {("tflite", "int8"): 5_000_000, ("tflite", "dynamic"): 5_000_000, ("onnx", "int8"): 5_000_000}

    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless labels, temperature, step and graph can be."""
        read_labels(fields, self.role)
        fields.optional_number("energy_threshold")
        fields.positive("temperature")
        read_step(fields.object("step"), FUSED)

    def input_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """A whole window of its rows, as it was trained."""
        return description["step"]["window_columns"], len(description["normalisation"]["rows"]), 1

    def graph(self, trained: Any, description: Mapping[str, Any]) -> Any:
        """There is none but the hook's: only who builds such a model knows how it streams."""
        raise UserError(
            f"expert {description['name']} takes fused columns, so it is streamed: name in model.json the function "
            f'that makes one step of it, "graph": "training.causes.streaming:step_graph" for those of cry-train causes'
        )

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """Once a step."""
        return model.description["step"]["columns"] * COLUMN_S

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """Synthetic sounds: no fused columns of recordings are kept."""
        states, network = state_shapes(model.fixed), keras_network(model.fixed)
        columns = {part: [c[: whole_steps(model, c)] for c in fused_clips(part, band_of(model))] for part in SEEDS}
        streams = {part: [stream(model, c) for c in columns[part]] for part in SEEDS}
        check_step_graph(model, network, states, columns["parity"])
        origins = [Provenance(clip.name, clip.name, clip.condition) for clip in synthetic_clips("parity")]
        provenance = [p for p, steps in zip(origins, streams["parity"], strict=True) for _ in steps]
        return Evidence(
            model=model,
            feeds=[feed for feed, _ in run(network, streams["quantise"], states)],
            streams=streams["parity"],
            reference=answers(network, streams["parity"], states),
            comparison=LogitComparison(model.description["labels"], model.temperature, None, provenance),
            raw=columns["parity"],
            about={
                "calibration": {p: {"frames": sum(map(len, streams[p])), "groups": len(streams[p])} for p in SEEDS},
                "temperature": {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None},
                "open_threshold": None,
            },
            warnings=unusual(model, streams["parity"]),
            notes=[SYNTHETIC],
            double=cache(lambda: double_answers(model.fixed, streams["parity"], states)),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From fused columns to logits: the device chooses rows, normalises and carries the states by itself."""
        model = evidence.model
        name = model.description["name"]
        expert: Any = next(expert for expert in bundle.experts if expert.name == name)
        logits: list[np.ndarray] = []
        for clip in evidence.raw:
            expert.reset()
            logits += [row.copy() for row in expert.push(clip)]
        expert.reset()
        found = violations(compare(evidence.reference, np.array(logits), model.temperature, None), bounds)
        given = (expert.labels, expert.temperature, expert.band_hz)
        expected = (model.description["labels"], model.temperature, band_of(model))
        if given != expected:
            found.append(f"labels, temperature, band are {given} instead of {expected}")
        if found:
            raise UserError(
                f"expert {name} in the bundle does not say on the device what the model says, no bundle written: "
                f"{', '.join(found)}"
            )


@lru_cache(maxsize=4)
def fused_clips(part: str, band_hz: float) -> list[np.ndarray]:
    """Fused columns (T, 273) of every clip of a part, as the device computes them."""
    result = []
    for clip in synthetic_clips(part):
        fused = FusedStream(band_hz)
        blocks = [clip.samples[i : i + FRAME_HOP] for i in range(0, len(clip.samples), FRAME_HOP)]
        result.append(np.concatenate([fused.push(block) for block in blocks]))
    return result


def band_of(model: SourceModel) -> float:
    return float(model.description["feature"]["band_hz"])


def whole_steps(model: SourceModel, columns: np.ndarray) -> int:
    """As many of the columns as fill steps."""
    n = model.description["step"]["columns"]
    return len(columns) // n * n


def z_scored(model: SourceModel, columns: np.ndarray) -> np.ndarray:
    """The network's rows of columns (T, 273), (1, T, rows, 1) float32.

    Written again and not imported from edge: what the device does is compared with this.
    """
    statistics = model.description["normalisation"]
    rows = columns[:, statistics["rows"]].astype(np.float64)
    return ((rows - statistics["mean"]) / statistics["deviation"]).astype(np.float32)[None, :, :, None]


def stream(model: SourceModel, columns: np.ndarray, late: int = 0) -> Stream:
    """Columns (T, 273) as steps; after them `late` columns that are not valid, and as many as fill the last step."""
    n = model.description["step"]["columns"]
    x = z_scored(model, columns)
    total = -(-(x.shape[1] + late) // n) * n
    valid = (np.arange(total) < x.shape[1]).astype(np.float32)[None]
    x = np.pad(x, ((0, 0), (0, total - x.shape[1]), (0, 0), (0, 0)))
    return [{COLUMNS: x[:, i : i + n], VALID: valid[:, i : i + n]} for i in range(0, total, n)]


def check_step_graph(model: SourceModel, network: Network, states: Shapes, columns: list[np.ndarray]) -> None:
    """Raise UserError unless the step graph says of a whole window what the saved model says of it."""
    window = model.description["step"]["window_columns"]
    windows = [c[:window] for c in columns if len(c) >= window]
    late = states[PAST_VALID][1]
    got = np.concatenate([answers(network, [stream(model, w, late)], states)[-1:] for w in windows])
    given = np.concatenate([z_scored(model, w) for w in windows])
    expected = keras_outputs(model.trained, given)
    check_finite(model, expected, "logits", given)
    error = np.abs(got - expected).max() / max(1.0, np.abs(expected).max())
    if not error <= STEP_LOGIT_ERROR:
        raise UserError(
            f"{model.directory}: streamed, the model says something else than on a whole window (logit error "
            f"{error:.2g}): its step graph does not know one of its layers"
        )


def unusual(model: SourceModel, streams: list[Stream]) -> list[str]:
    """Warnings about the normalisation. A mean of another unit converts without an error."""
    spread = float(np.std(np.concatenate([step[COLUMNS].ravel() for steps in streams for step in steps])))
    if USUAL_SPREAD[0] <= spread <= USUAL_SPREAD[1]:
        return []
    return [
        f"expert {model.description['name']}: synthetic sounds have a standard deviation of {spread:.2g} after its "
        f"normalisation, {USUAL_SPREAD[0]:g} to {USUAL_SPREAD[1]:g} is usual: are mean and deviation those of its "
        f"training?"
    ]
