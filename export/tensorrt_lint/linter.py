"""The linter: an ONNX file in, what TensorRT would not accept out."""

from dataclasses import dataclass

import onnx

from export.tensorrt_lint.operators import load_operators


@dataclass(frozen=True)
class Finding:
    """One thing that TensorRT would not accept. str() of it is one line for a person."""

    node: str  # its name in the file; of an input or initialiser where it is about one of these
    operator: str
    rule: str
    rewrite: str  # what to do

    def __str__(self) -> str:
        return f"{self.node} ({self.operator}): {self.rule}; {self.rewrite}"


def lint(content: bytes, tensorrt: str = "8.2") -> list[Finding]:
    """All that keeps an ONNX file from being imported by a TensorRT version: an empty list when nothing does.

    content: the file's bytes. tensorrt: one of VERSIONS. Raises UserError for another version, or when the bytes
    are no ONNX file.
    """
    operators = load_operators(tensorrt)
    return [
        Finding(
            node.name or node.output[0],
            node.op_type,
            f"TensorRT {tensorrt} does not import {node.op_type}",
            "compose it from operators of the table",
        )
        for node in onnx.load_from_string(content).graph.node
        if node.op_type not in operators or not operators[node.op_type].is_imported
    ]
