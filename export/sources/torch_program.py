"""A PyTorch program, as torch.export.save writes it, by way of ONNX. PyTorch is an extra of its own."""

import importlib.util
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError, how_to_install
from export.convert.quiet import quiet

NEEDED = ("torch", "onnxscript")
OPSET = 18  # of PyTorch's exporter; the import takes it to 13


def program_to_onnx(path: Path) -> Any:
    """The ONNX model of a .pt2 file. Raises UserError."""
    missing = [module for module in NEEDED if importlib.util.find_spec(module) is None]
    if missing:
        raise UserError(
            f"{' and '.join(missing)} not installed, {path} is a PyTorch program: {how_to_install('torch')}"
        )
    import torch

    try:
        with quiet():
            program = torch.export.load(path)
    except Exception as error:  # whatever is wrong with the archive
        raise UserError(
            f"{path} cannot be read as a PyTorch program ({one_line(error)}): write it with "
            f"torch.export.save(torch.export.export(model.eval(), (example,)), 'NAME.pt2')"
        ) from error
    try:
        with quiet():
            exported: Any = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
            return exported.model_proto
    except Exception as error:  # PyTorch's exporter has many of its own
        raise UserError(
            f"PyTorch does not export {path} to ONNX ({one_line(error)}): build the model from operators that it does"
        ) from error
