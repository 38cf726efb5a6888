"""Which exporter a row of the table is of."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import export

UNMEASURED = ("command.py", "bundle_writer.py", "report")  # of export/: what no figure here depends on


def code_digest() -> str:
    """Of the exporter's source, without comments and docstrings, 12 hexadecimal digits."""
    room = Path(export.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        if path.relative_to(room).parts[0] not in UNMEASURED:
            digest.update(ast.dump(without_docstrings(ast.parse(path.read_text()))).encode())
    return digest.hexdigest()[:12]


def without_docstrings(tree: ast.Module) -> ast.Module:
    """In place."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            del node.body[0]
    return tree
