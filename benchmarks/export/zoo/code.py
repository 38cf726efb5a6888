"""Which exporter a row of the table is of."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import export

UNMEASURED = (  # of export/: what no figure here depends on, as the zoo's models are detectors of Keras, of one frame
    *("command.py", "options.py", "bundle_writer.py", "exporter.py", "fixed_inputs.py", "onnx_model.py", "report"),
    *("convert/onnx_import", "convert/onnx_to_keras", "sources/foreign.py", "sources/foreign_process.py"),
    *("sources/onnx_file.py", "sources/onnx_wrapping.py", "sources/torch_program.py", "sources/trust.py"),
    *(f"kinds/{kind}.py" for kind in ("denoiser", "embedding", "expert", "frame_expert")),
    *("kinds/streamed_detector.py", "kinds/verifier.py", "parity/own_frames.py", "parity/synthetic_inputs.py"),
)


def code_digest() -> str:
    """Of the source of the exporter that a row depends on, without comments and docstrings, 12 hexadecimal digits."""
    room = Path(export.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        if not f"{path.relative_to(room)}/".startswith(tuple(f"{name}/" for name in UNMEASURED)):
            digest.update(ast.dump(without_docstrings(ast.parse(path.read_text()))).encode())
    return digest.hexdigest()[:12]


def without_docstrings(tree: ast.Module) -> ast.Module:
    """In place."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            del node.body[0]
    return tree
