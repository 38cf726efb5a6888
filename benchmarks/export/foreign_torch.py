"""PyTorch models for foreign_models: what an audio engineer writes there, random weights, each by several ways out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export.convert.quiet import quiet
from export.networks import Feed
from export.sources.torch_program import program_to_onnx

STEPS = 8
SHAPES = {"CNN": (1, 1, 98, 64), "Transformer": (1, 98, 64), "CNN + GRU": (1, 64, 98), "raw waveform": (1, 1, 16000)}
OPSETS = {
    "CNN": (11, 13, 17),
    "Transformer": (17,),
    "CNN + GRU": (14, 17),
    "raw waveform": (12,),
}  # of the old exporter


def models() -> Iterator[tuple[str, Callable[[], Any], Callable[[Feed], Feed], list[Feed]]]:
    """(name, what makes the ONNX model, PyTorch itself, what it is fed) of each."""
    import torch

    torch.manual_seed(2)
    rng = np.random.default_rng(3)
    for name, module in modules(torch).items():
        module.eval()
        example = torch.tensor(rng.normal(size=SHAPES[name]).astype(np.float32))
        for way, make in ways(torch, name, module, example).items():
            names: list[str] = []

            def remembering(make: Callable[[], Any] = make, names: list[str] = names) -> Any:
                proto = make()
                names[:] = [proto.graph.input[0].name]
                return proto

            def original(feed: Feed, module: Any = module) -> Feed:
                with torch.no_grad():
                    return {"out": module(torch.tensor(next(iter(feed.values())))).numpy()}

            feeds = Feeds(rng, SHAPES[name], names)
            yield f"PyTorch {name}, {way}", remembering, original, feeds  # type: ignore[misc]


class Feeds(list[Feed]):
    """Feeds by the name of an input that is known once the model is made."""

    def __init__(self, rng: Any, shape: tuple[int, ...], names: list[str]) -> None:
        super().__init__({"": rng.normal(size=shape).astype(np.float32)} for _ in range(STEPS))
        self.names = names

    def __iter__(self) -> Iterator[Feed]:
        for feed in super().__iter__():
            yield {self.names[0]: next(iter(feed.values()))}


def ways(torch: Any, name: str, module: Any, example: Any) -> dict[str, Callable[[], Any]]:
    """From PyTorch to ONNX: a saved program, and PyTorch's own ONNX files."""
    import onnx

    def program() -> Any:
        with tempfile.TemporaryDirectory() as folder, quiet():
            path = Path(folder) / "model.pt2"
            torch.export.save(torch.export.export(module, (example,)), path)
            return program_to_onnx(path)

    def old(opset: int) -> Any:
        with tempfile.TemporaryDirectory() as folder, quiet():
            path = Path(folder) / "model.onnx"
            torch.onnx.export(module, (example,), str(path), dynamo=False, opset_version=opset, input_names=["x"])
            return onnx.load(path)

    def new() -> Any:
        with quiet():
            return torch.onnx.export(module, (example,), dynamo=True, verbose=False).model_proto

    return {
        "torch.export": program,
        "ONNX 20": new,
        **{f"ONNX {opset}": (lambda opset=opset: old(opset)) for opset in OPSETS[name]},
    }


def modules(torch: Any) -> dict[str, Any]:
    """Channels first, a Transformer of its own position embedding, a recurrence, a convolution on samples."""
    nn = torch.nn
    cnn = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1, groups=16)),
        *(nn.Hardswish(), nn.Conv2d(16, 32, 1), nn.SiLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(32, 32, 3, groups=4)),
        *(nn.GELU(), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 3)),
    )
    waves = nn.Sequential(
        *(nn.Conv1d(1, 16, 80, 4, 38), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(16, 32, 3, 1, 1)),
        *(nn.GroupNorm(4, 32), nn.ELU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 2)),
    )

    class Transformer(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(48, 4, 96, batch_first=True, activation="gelu", norm_first=True)
            self.project, self.last = nn.Linear(64, 48), nn.Linear(48, 3)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.position = nn.Parameter(torch.randn(1, 98, 48) * 0.1)

        def forward(self, x: Any) -> Any:
            return self.last(self.encoder(self.project(x) + self.position).mean(1))

    class Recurrent(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.before = nn.Conv1d(64, 32, 5, 4, 2)
            self.gru = nn.GRU(32, 24, batch_first=True, bidirectional=True)
            self.last = nn.Linear(48, 3)

        def forward(self, x: Any) -> Any:
            return self.last(self.gru(torch.relu(self.before(x)).transpose(1, 2))[0].mean(1))

    return {"CNN": cnn, "Transformer": Transformer(), "CNN + GRU": Recurrent(), "raw waveform": waves}
