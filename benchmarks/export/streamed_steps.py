"""Recurrent detectors, fed a hop's columns at a time, x every target: what each file says beside the model as it came.

python -m benchmarks.export.streamed_steps

A Keras sequence that is made a step, and steps that came as ONNX and as a program of torch.export, their states named
by model.json. Each learns for a moment to tell the synthetic cries from the other sounds. Some four minutes on two
cores; without PyTorch, whose models are then skipped and said, one.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.export.zoo.__main__ import attempt, cell_text
from benchmarks.lib.record import record
from edge.dsp import log_mel
from export.convert.keras_graph import import_keras
from export.convert.quiet import quiet
from export.kinds.streamed_detector import hops
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.parity.own_frames import own_inputs, sounds_of
from export.sources.loading import load_model
from export.sources.torch_program import program_to_onnx
from export.targets import TARGETS

BANDS, COLUMNS, UNITS, HOPS = 64, 20, 24, 15  # of the models; how many hops of a sound they learn on
DESCRIPTION: dict[str, Any] = {
    "labels": ["cry"],
    "feature": {"name": "log_mel", "parameters": dict(log_mel.PARAMETERS)},
    "normalisation": {
        "kind": "row_z_score",
        "rows": list(range(BANDS)),
        "mean": [-5.0] * BANDS,
        "deviation": [4.0] * BANDS,
    },
    "temperature": 1.0,
    "step": {"columns": COLUMNS},
}
EPOCHS = 60


def main() -> int:
    """Export each; 1 when a target is refused."""
    print("three models x six targets: about four minutes on two cores")
    x, y = material()
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    absent = [] if importlib.util.find_spec("torch") and importlib.util.find_spec("onnxscript") else ["PyTorch"]
    makers: dict[str, Callable[[Path, np.ndarray, np.ndarray], Path]] = {"Keras GRU, LSTM": of_keras}
    if not absent:
        makers |= {"PyTorch LSTM, torch.export": of_program, "PyTorch GRU, ONNX 17": of_onnx}
    for name, make in makers.items():
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder), x, y)
            model = load_model(path, Path(folder) / "model.json")
            evidence = model.kind.evidence(model, [model], DEFAULT_CALIBRATION_DIR)
            rows[name] = {target: attempt(evidence, target) for target in TARGETS}
    record("streamed_steps", {"rows": rows, "skipped": absent}, table(rows, absent))
    return 1 if any("refused" in cell for row in rows.values() for cell in row.values()) else 0


def material() -> tuple[np.ndarray, np.ndarray]:
    """Sequences (N, columns, bands) of the sounds that are not compared on, and whether each is a cry (N,)."""
    sounds, _ = sounds_of(("quantise",), None)
    sequences, cries = [], []
    for sound in sounds["quantise"]:
        frames = np.array(list(hops(DESCRIPTION, sound)))[:, -COLUMNS:]
        for start in range(0, len(frames) - HOPS + 1, HOPS):
            sequences.append(own_inputs(frames[start : start + HOPS], DESCRIPTION)[..., 0].reshape(-1, BANDS))
            cries.append(sound.is_cry)
    return np.array(sequences), np.array(cries)


def of_keras(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    """A sequence of any length in, one logit out."""
    keras = import_keras()
    keras.utils.set_random_seed(4)
    layers, inputs = keras.layers, keras.Input((None, BANDS))
    h = layers.GRU(UNITS, return_sequences=True)(layers.Dense(UNITS, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(UNITS)(h)))
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, y, epochs=EPOCHS // 4, batch_size=16, verbose=0)
    model.save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps(DESCRIPTION))
    return folder / "model.keras"


def of_program(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    """An LSTM as a program of torch.export, whose outputs have the names that PyTorch gives them."""
    import torch

    module = learnt(torch, "LSTM", x, y)
    path = folder / "model.pt2"
    with quiet():
        states = (torch.zeros(1, 1, UNITS), torch.zeros(1, 1, UNITS))
        torch.export.save(torch.export.export(module, (torch.zeros(1, COLUMNS, BANDS), *states)), path)
    graph = program_to_onnx(path).graph
    inputs, outputs = ([value.name for value in values] for values in (graph.input, graph.output))
    return described(path, dict(zip(inputs[1:], outputs[1:], strict=True)))


def of_onnx(folder: Path, x: np.ndarray, y: np.ndarray) -> Path:
    """A GRU as PyTorch's own ONNX file."""
    import torch

    module = learnt(torch, "GRU", x, y)
    path = folder / "model.onnx"
    names = {"input_names": ["x", "h"], "output_names": ["logit", "hn"]}
    example = (torch.zeros(1, COLUMNS, BANDS), torch.zeros(1, 1, UNITS))
    with quiet():
        torch.onnx.export(module, example, str(path), dynamo=False, opset_version=17, **names)
    return described(path, {"h": "hn"})


def described(path: Path, states: dict[str, str]) -> Path:
    """The path, with a description beside it."""
    (path.parent / "model.json").write_text(json.dumps({**DESCRIPTION, "states": states}))
    return path


def learnt(torch: Any, kind: str, x: np.ndarray, y: np.ndarray) -> Any:
    """A step with its states, which has learnt on whole sequences."""
    torch.manual_seed(3)

    class Step(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = getattr(torch.nn, kind)(BANDS, UNITS, batch_first=True)
            self.last = torch.nn.Linear(UNITS, 1)

        def forward(self, x: Any, *states: Any) -> Any:
            y, renewed = self.rnn(x, states if len(states) > 1 else states[0])
            renewed = renewed if len(states) > 1 else (renewed,)
            return (self.last(y[:, -1]), *renewed)

    module = Step()
    sequences, labels = torch.tensor(x), torch.tensor(y, dtype=torch.float32)
    zeros = [torch.zeros(1, len(x), UNITS)] * (2 if kind == "LSTM" else 1)
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(EPOCHS):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(module(sequences, *zeros)[0][:, 0], labels)
        loss.backward()
        optimiser.step()
    return module.eval()


def table(rows: dict[str, dict[str, dict[str, Any]]], absent: list[str]) -> str:
    """A row per model, a column per target."""
    lines = [f"| model | {' | '.join(TARGETS)} |", "|---" * (len(TARGETS) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(cell_text(cell) for cell in row.values()) + " |")
    texts = {(name, cell["refused"]) for name, row in rows.items() for cell in row.values() if "refused" in cell}
    lines += [f"\n- {name}: {text}" for name, text in sorted(texts)]
    lines.append("\nkB and the largest posterior error beside the model as it came, hop by hop over synthetic sounds,")
    lines.append("each from its beginning; the file's precision where it is not the target's.")
    return "\n".join([*lines, *(f"Skipped: {name} is not installed." for name in absent)])


if __name__ == "__main__":
    sys.exit(main())
