"""Models of the kinds that people train on audio x every target: what comes out, or the one line that refuses it.

python -m benchmarks.export.zoo [--resume] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from benchmarks.export.zoo import applications, convolutional, forms, sequences
from benchmarks.export.zoo.code import code_digest
from benchmarks.export.zoo.sharing import work_shared
from benchmarks.lib.record import RESULTS, record
from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.answers import check_values_are_logits
from export.convert.keras_graph import import_keras
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.evidence import Evidence
from export.parity.precision_fallback import ExportedModel, convert_and_measure
from export.sources.loading import load_model
from export.targets import TARGETS

DESCRIPTION = {"labels": ["cry"], "feature": "log_mel", "temperature": 1.0}
HELPERS = ("norm_relu", "columns", "built")
BODIES = {
    name: body
    for room in (convolutional, sequences, applications)
    for name, body in inspect.getmembers(room, inspect.isfunction)
    if name not in HELPERS
}
RIDGE = 0.02  # of the last layer's fit, in units of its features' variance
SEED = 7


def main() -> int:
    """Export each, record what happened; 1 when a model fails that should not, or with anything but a refusal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resume", action="store_true", help="go on after the models recorded with today's exporter")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin no model after so many (default: 60)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of these models")
    arguments = parser.parse_args()
    keras = import_keras()
    wanted = builders(keras)
    code, recorded = code_digest(), RESULTS / "zoo.json"
    known = json.loads(recorded.read_text()) if arguments.resume and recorded.exists() else {}
    rows, codes = known.get("rows", {}), known.get("codes", {})
    due = [name for name in wanted if codes.get(name) != code and (not arguments.only or name in arguments.only)]
    due.sort(key=lambda name: (name in rows, name in codes, row_bytes(rows.get(name, {}))))  # new, oldest, small first
    print(f"{len(due)} models x {len(TARGETS)} targets: about {len(due)} minutes on two cores")
    until = monotonic() + 60 * arguments.minutes
    for name in due:
        if monotonic() > until:
            break
        keras.utils.set_random_seed(SEED)
        with tempfile.TemporaryDirectory() as folder:
            rows[name], codes[name] = exported(keras, wanted[name](), Path(folder)), code
        keras.backend.clear_session()
        store({name: rows[name] for name in wanted if name in rows}, codes, code, len(wanted))  # after each
    return verdict(rows)


def row_bytes(row: dict[str, dict[str, Any]]) -> int:
    """What its files hold together: how long it takes again, roughly."""
    return sum(cell.get("bytes", 0) for cell in row.values())


def verdict(rows: dict[str, dict[str, dict[str, Any]]]) -> int:
    """1, and a line that says why, where something failed that should not, or passed."""
    crashed = [name for name, row in rows.items() for cell in row.values() if "internal" in cell]
    accepted = [
        name for name in rows if name in forms.MISTAKES and any("bytes" in cell for cell in rows[name].values())
    ]
    if crashed or accepted:
        print(f"zoo: error: internal errors: {crashed}, mistakes that passed: {accepted}", file=sys.stderr)
    return 1 if crashed or accepted else 0


def store(rows: dict[str, dict[str, dict[str, Any]]], codes: dict[str, str], code: str, n_models: int) -> None:
    """Write what is known so far. codes: by model, the exporter that its row is of."""
    good = [name for name in rows if name not in forms.MISTAKES]
    passed = {target: sum("bytes" in rows[name][target] for name in good) for target in TARGETS}
    figures = {"models": len(rows), "of": n_models, "without_a_mistake": len(good), "exported": passed}
    earlier = [name for name in rows if codes.get(name) != code]
    record(
        "zoo",
        {**figures, "of_earlier_code": earlier, "codes": codes, "rows": rows},
        table(rows, passed, len(good), n_models, earlier),
    )


def builders(keras: Any) -> dict[str, Callable[[], Any]]:
    """What makes each model, by name."""

    def of_body(body: Callable[[Any, Any], Any]) -> Any:
        inputs = keras.Input(forms.SHAPE)
        return keras.Model(inputs, keras.layers.Dense(1)(body(keras, inputs)))

    whole = {**forms.MISTAKES, **forms.KEPT}
    return {
        **{name: (lambda build=build: build(keras)) for name, build in whole.items()},
        **{name: (lambda body=body: of_body(body)) for name, body in BODIES.items()},
    }


def exported(keras: Any, model: Any, folder: Path) -> dict[str, dict[str, Any]]:
    """By target, what became of a model: its first file's figures, or why it is refused."""
    try:
        settle(keras, model)
        model.save(folder / "model.keras")
        (folder / "model.json").write_text(json.dumps(DESCRIPTION))
        loaded = load_model(folder / "model.keras", folder / "model.json")
        evidence = loaded.kind.evidence(loaded, [loaded], DEFAULT_CALIBRATION_DIR)
        check_values_are_logits(evidence.reference, "model")
    except UserError as error:
        return dict.fromkeys(TARGETS, {"refused": str(error).replace(str(folder), "DIR")})
    with work_shared(loaded.fixed, folder):
        return {target: attempt(evidence, target) for target in TARGETS}


def attempt(evidence: Evidence, target: str) -> dict[str, Any]:
    """One export."""
    try:
        return figures_of(convert_and_measure(evidence, TARGETS[target], None, lambda line: None))
    except UserError as error:
        return {"refused": str(error)}
    except Exception as error:  # anything else is a fault of the exporter
        return {"refused": one_line(error), "internal": type(error).__name__}


def figures_of(item: ExportedModel) -> dict[str, Any]:
    """Size, error and agreement of the file that the target is about."""
    if item.violations:
        return {"refused": "outside its bounds: " + "; ".join(item.violations)}
    rows = item.measured.rows
    last = next((row for row in rows if row["kind"] == "onnx_typed"), rows[0])
    parity = last["parity"]
    return {
        "precision": last["precision"],
        "bytes": last["bytes"],
        "max_posterior_error": parity["max_posterior_error"],
        "label_agreement": parity["label_agreement"],
        "latency_ms": last["latency_ms"],
        "fallback": item.reason,
    }


def settle(keras: Any, model: Any) -> None:
    """Batch norms learn their moments on calibration frames, the last dense layer is solved for by least squares."""
    if not isinstance(model.layers[-1], keras.layers.Dense) or model.layers[-1].units != 1 or len(model.inputs) != 1:
        return
    if model.inputs[0].shape[0] == 1:
        twin = keras.models.clone_model(model, keras.Input(model.inputs[0].shape[1:]))
        settle(keras, twin)
        model.set_weights(twin.get_weights())
        return
    with np.load(DEFAULT_CALIBRATION_DIR / "detector_log_mel.npz") as stored:
        log_mel = np.concatenate([stored["temperature"], stored["quantise"]]).astype(np.float64)
        is_cry = np.concatenate([stored["y_temperature"], stored["y_quantise"]])
    x = ((log_mel - log_mel.mean((1, 2), keepdims=True)) / 3.0).astype(np.float32)
    shape = model.inputs[0].shape
    if (
        shape[0] is not None
        or shape[1:3] not in (forms.SHAPE[:2], (None, forms.SHAPE[1]))
        or shape[3:] not in ((), (1,))
    ):
        return
    x = x if len(shape) == 3 else x[..., None]
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    model(x[::4], training=True)
    before = keras.Model(model.inputs, model.layers[-1].input)
    seen = np.concatenate([np.asarray(before(x[i : i + 64], training=False)) for i in range(0, len(x), 64)])
    seen = seen.astype(np.float64)
    mean, deviation = seen.mean(0), seen.std(0) + 1e-3
    z = (seen - mean) / deviation
    kernel = np.linalg.solve(z.T @ z / len(z) + RIDGE * np.eye(z.shape[1]), z.T @ np.where(is_cry, 4.0, -4.0) / len(z))
    kernel /= deviation
    model.layers[-1].set_weights([kernel[:, None], np.array([-mean @ kernel])])


def table(
    rows: dict[str, dict[str, dict[str, Any]]], passed: dict[str, int], n: int, n_models: int, earlier: list[str]
) -> str:
    """A row per model, a column per target: size, largest posterior error; or what refuses it."""
    lines = [f"| model | {' | '.join(TARGETS)} |", "|---" * (len(TARGETS) + 1) + "|"]
    refusals = []
    for name, row in rows.items():
        texts = {cell["refused"] for cell in row.values() if "refused" in cell}
        refusals += [f"- {name}: {text}" for text in sorted(texts)]
        lines.append(f"| {name} | " + " | ".join(cell_text(cell) for cell in row.values()) + " |")
    counts = ", ".join(f"{target} {count}" for target, count in passed.items())
    lines.append(
        f"\n{len(rows)} of the {n_models} models of the zoo were exported. Of the {n} among them without a mistake"
    )
    lines.append(f"these passed: {counts}. A cell holds the file's precision where it is")
    lines.append("not the target's (int8 was outside its bounds), kB, and the largest posterior error against Keras.")
    if earlier:
        lines.append(f"Measured with an earlier exporter: {', '.join(earlier)}.")
    return "\n".join([*lines, "\nRefused:\n", *refusals])


def cell_text(cell: dict[str, Any]) -> str:
    """One export."""
    if "refused" in cell:
        return "refused"
    fallback = f"{cell['precision']}, " if cell["fallback"] else ""
    return f"{fallback}{cell['bytes'] / 1000:.0f} kB, {cell['max_posterior_error']:.1e}"


if __name__ == "__main__":
    sys.exit(main())
