"""The linter: an ONNX file in, what TensorRT would not accept out."""

from collections.abc import Iterator

import onnx
from google.protobuf.message import DecodeError

from edge.engines.base import one_line
from edge.errors import UserError
from export.tensorrt_lint import rules
from export.tensorrt_lint.finding import Finding
from export.tensorrt_lint.graph import Node, read_nodes
from export.tensorrt_lint.operators import Support, find_version, load_operators


def lint(content: bytes, tensorrt: str = "8.2") -> list[Finding]:
    """All that keeps an ONNX file from being imported by a TensorRT version: an empty list when nothing does.

    content: the file's bytes. tensorrt: one of VERSIONS. Raises UserError for another version, or when the bytes
    are no ONNX file.
    """
    tensorrt = find_version(tensorrt)
    operators = load_operators(tensorrt)
    model = load_model(content)
    types = frozenset().union(*(support.types for support in operators.values()))
    findings = [*rules.file_version(model, tensorrt), *rules.inputs(model.graph, tensorrt, types)]
    for node in read_nodes(model):
        findings += node_findings(node, tensorrt, operators, types)
    return findings + list(rules.finite_numbers(model.graph))


def load_model(content: bytes) -> onnx.ModelProto:
    """The model with all shapes that can be told. Raises UserError when the bytes are no ONNX file."""
    try:
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), data_prop=True)
    except (DecodeError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise UserError(f"{len(content)} bytes are no ONNX file ({one_line(error)}): export again") from error
    if not model.graph.node:
        raise UserError(f"{len(content)} bytes are no ONNX file with a graph in it: export again")
    return model


def node_findings(node: Node, version: str, operators: dict[str, Support], types: frozenset[str]) -> Iterator[Finding]:
    """What TensorRT would not accept about one node."""
    support = operators.get(node.operator)
    not_imported = list(rules.imported(node, version, support))
    if not_imported:  # what the table says of types and restrictions is empty then
        yield from not_imported
        return
    yield from rules.restrictions(node, version, support)
    yield from rules.tensor_types(node, version, support, types)
    yield from rules.fixed_shapes(node)
    yield from rules.quantisation(node, version, operators)
