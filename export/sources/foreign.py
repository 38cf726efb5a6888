"""Load an ONNX file, or a PyTorch program by way of one: both are read, and tried, in a process of their own."""

import tempfile
from pathlib import Path
from typing import Any

from edge.errors import UserError
from export.child_process import Child, Crash
from export.fixed_inputs import Fixed
from export.kinds.kind import ModelKind
from export.model import SourceModel
from export.onnx_model import OnnxModel

READER = Child("export.sources.foreign_process")


def load_foreign(path: Path, description: dict[str, Any], kind: ModelKind, fixed: Fixed) -> SourceModel:
    """A model from an ONNX file or a PyTorch program. Raises UserError."""
    for key in ("graph", "layers"):
        if description[key]:
            raise UserError(f"{path}: {key!r} of its description is for Keras models: leave it out")
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        original, content = Path(folder) / "original.onnx", Path(folder) / "network.onnx"
        job = {
            "path": str(path),
            "description": description,
            "shapes": {name: list(shape) for name, shape in fixed.shapes.items()},
            "values": dict(fixed.values),
            "original": str(original),
            "network": str(content),
        }
        try:
            answer = READER.ask(job)
        except Crash as crash:
            raise UserError(
                f"what reads {path} {crash}, in a process of its own: the file is damaged, or too large for this "
                f"machine's memory; export it again, smaller"
            ) from crash
        if "internal" in answer:
            raise RuntimeError(answer["internal"])
        if "error" in answer:
            raise UserError(answer["error"])
        trained = OnnxModel(original.read_bytes(), **answer)
        return SourceModel(path.parent, description, kind, trained, OnnxModel(content.read_bytes()))
