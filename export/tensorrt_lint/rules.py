"""The rules that hold for every operator: import, types, fixed shapes, finite numbers, quantisation.

Each rule yields a Finding per breach. types: what the version computes with in any operator.
"""

from collections.abc import Iterator

import numpy as np
import onnx

from export.tensorrt_lint.finding import Finding
from export.tensorrt_lint.graph import QUANTISERS, Node, Tensor, from_value_info, opset_of
from export.tensorrt_lint.operators import Support
from export.tensorrt_lint.restrictions import CHECKS

MAX_OPSETS = {"8.2": 13, "8.6": 17, "10.1": 20}  # the newest that a version reads
MAX_IR_VERSIONS = {"8.2": 7}  # as onnxruntime 1.10 on a Jetson Nano's CPU
CAST_DOWN = {"INT64"}  # as an initialiser: every version takes it, those without INT64 cast it to INT32
FIX_INPUTS = "give every input a fixed shape: keras.Input(batch_shape=(1, ...))"
AUTOMATIC = "apply export.convert.rewrites.rewrite"
TYPE_REWRITES = {
    "INT64": f"{AUTOMATIC}, which folds the arithmetic of fixed shapes; cast the rest to INT32",
    "DOUBLE": "compute in FP32",
    "UINT8": "cast to FP32 before the model, quantise to INT8",
}
TYPE_REWRITE = "cast it to a type of the table"
IMPORT_REWRITES = {
    "LayerNormalization": f"{AUTOMATIC}: ReduceMean, Sub, Mul, Sqrt and Div",
    "Gelu": f"{AUTOMATIC}: Tanh or Erf, Mul and Add",
    "Erfc": f"{AUTOMATIC}: 1 - Erf",
    "Reciprocal": f"{AUTOMATIC}: 1 / x",
    "DynamicQuantizeLinear": "quantise with fixed scales: QuantizeLinear and DequantizeLinear",
    "QLinearConv": "quantise with QuantizeLinear and DequantizeLinear around Conv",
    "QLinearMatMul": "quantise with QuantizeLinear and DequantizeLinear around MatMul",
}
IMPORT_REWRITE = "compose it from operators that tensorrt_operators.csv lists as imported"


def file_version(model: onnx.ModelProto, version: str) -> Iterator[Finding]:
    """Opset and IR version are not newer than what a TensorRT version reads."""
    opset, newest = opset_of(model), MAX_OPSETS[version]
    if opset > newest:
        yield Finding("file", f"opset {opset}", f"opset at most {newest}", f"export at opset {newest}")
    if model.ir_version > MAX_IR_VERSIONS.get(version, model.ir_version):
        rule = f"IR version at most {MAX_IR_VERSIONS[version]}"
        yield Finding("file", f"IR version {model.ir_version}", rule, AUTOMATIC)


def inputs(graph: onnx.GraphProto, version: str, types: frozenset[str]) -> Iterator[Finding]:
    """The inputs of the model have a fixed shape and a type that TensorRT knows."""
    stored = {proto.name for proto in graph.initializer}
    for tensor in map(from_value_info, graph.input):
        if tensor.name in stored:
            continue
        if not tensor.is_fixed:
            rule = f"dynamic shape {tensor.shape}, an engine is built for one shape"
            yield Finding(tensor.name, "input", rule, FIX_INPUTS)
        if tensor.data_type not in types:
            yield type_finding(tensor.name, "input", tensor, f"TensorRT {version} has no such type")


def imported(node: Node, version: str, support: Support | None) -> Iterator[Finding]:
    """TensorRT imports the operator."""
    if node.domain:
        rule = f"TensorRT {version} imports no operator of the domain {node.domain}"
        yield Finding(node.name, node.operator, rule, IMPORT_REWRITES.get(node.operator, IMPORT_REWRITE))
    elif support is None or not support.is_imported:
        rule = f"TensorRT {version} does not import {node.operator}"
        yield Finding(node.name, node.operator, rule, IMPORT_REWRITES.get(node.operator, IMPORT_REWRITE))


def restrictions(node: Node, version: str, support: Support) -> Iterator[Finding]:
    """The operator's own restrictions in the table."""
    for sentence in support.restrictions:
        check = CHECKS.get(sentence)
        if check and not check.holds(node, sentence):
            yield Finding(node.name, node.operator, f"TensorRT {version}: {sentence}", check.rewrite)


def tensor_types(node: Node, version: str, support: Support, types: frozenset[str]) -> Iterator[Finding]:
    """Every tensor has a type of the version, those that the operator is about one of its own types."""
    if node.operator in QUANTISERS:
        return  # quantisation() knows their types better
    for tensor in filter(None, node.inputs):
        if tensor.is_constant and tensor.data_type not in types | CAST_DOWN:
            yield type_finding(node.name, node.operator, tensor, f"TensorRT {version} has no such initialiser")
    for tensor in filter(None, node.outputs):
        if not tensor.is_constant and tensor.data_type not in types | {None}:
            yield type_finding(node.name, node.operator, tensor, f"TensorRT {version} has no such type")
    for tensor in main_tensors(node):
        if tensor.data_type in types - support.types:
            listed = ", ".join(sorted(support.types))
            yield type_finding(node.name, node.operator, tensor, f"TensorRT {version} takes {listed}")
            return


def main_tensors(node: Node) -> list[Tensor]:
    """The computed tensors that the types in the table are about: of the first type that ONNX leaves free.

    Indices, shapes and conditions, whose type ONNX fixes, are not among them.
    """
    if node.schema is None:
        return []
    free = {c.type_param_str for c in node.schema.type_constraints if len(c.allowed_type_strs) > 1}
    ends = ((node.inputs, node.schema.inputs), (node.outputs, node.schema.outputs))
    typed = [
        (formals[min(index, len(formals) - 1)].type_str, tensor)  # the last formal stands for all that follow
        for tensors, formals in ends
        for index, tensor in enumerate(tensors)
    ]
    main = next((type_str for type_str, _ in typed if type_str in free), None)
    return [tensor for type_str, tensor in typed if type_str == main and tensor and not tensor.is_constant]


def type_finding(name: str, operator: str, tensor: Tensor, rule: str) -> Finding:
    """A tensor of the wrong type."""
    rewrite = TYPE_REWRITES.get(tensor.data_type or "", TYPE_REWRITE)
    return Finding(name, operator, f"{tensor.name!r} is {tensor.data_type}, {rule}", rewrite)


def fixed_shapes(node: Node) -> Iterator[Finding]:
    """A node that gets fixed shapes gives fixed shapes: none depends on the data."""
    dynamic = [tensor.name for tensor in node.outputs if tensor and not tensor.is_fixed]
    if dynamic and all(tensor is None or tensor.is_fixed for tensor in node.inputs):
        rule = f"the shape of {dynamic[0]!r} is dynamic: it depends on the data"
        rewrite = f"{AUTOMATIC}, which folds the arithmetic of fixed shapes; of a recurrent layer, export one step"
        yield Finding(node.name, node.operator, rule, f"{rewrite} with export.convert.rewrites.one_step")


def finite_numbers(graph: onnx.GraphProto, prefix: str = "") -> Iterator[Finding]:
    """No number in the file is NaN or infinite."""
    stored = [(proto.name, "initialiser", proto) for proto in graph.initializer]
    for node in graph.node:
        for attribute in node.attribute:
            value = onnx.helper.get_attribute_value(attribute)
            if isinstance(value, onnx.TensorProto):
                stored.append((node.name or node.output[0], node.op_type, value))
            for subgraph in value if isinstance(value, list) else [value]:
                if isinstance(subgraph, onnx.GraphProto):
                    yield from finite_numbers(subgraph, f"{prefix}{node.name or node.output[0]}/")
    for name, operator, proto in stored:
        values = onnx.numpy_helper.to_array(proto)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            bad = np.count_nonzero(~np.isfinite(values))
            rule = f"{bad} of {values.size} numbers are NaN or infinite"
            yield Finding(prefix + name, operator, rule, "train the model again, or mask with a large finite number")


def quantisation(node: Node, version: str, operators: dict[str, Support]) -> Iterator[Finding]:
    """Q/DQ as TensorRT reads it; that the zero-point is 0 the table says itself."""
    if node.operator not in QUANTISERS:
        return
    data, scale = node.inputs[0], node.inputs[1]
    numbers = scale.value
    if numbers is None or not (np.isfinite(numbers).all() and (numbers > 0).all()):
        rule = "the scale must be an initialiser of positive numbers"
        yield Finding(node.name, node.operator, rule, "store the calibrated scale in the file")
    elif numbers.size > 1 and not data.is_constant:
        rule = "only weights are quantised per channel"
        yield Finding(node.name, node.operator, rule, "quantise activations with one scale")
    is_quantise = node.operator == "QuantizeLinear"
    quantised = node.outputs[0] if is_quantise else data
    allowed = operators["DequantizeLinear"].types
    if quantised.data_type not in allowed | {None}:
        rule = f"{quantised.name!r} is {quantised.data_type}, TensorRT {version} takes {', '.join(sorted(allowed))}"
        yield Finding(node.name, node.operator, rule, "quantise to INT8, with an INT8 zero-point of 0")
    if is_quantise and data.data_type not in operators["QuantizeLinear"].types | {None}:
        yield type_finding(node.name, node.operator, data, "only floating point is quantised")
    if version.startswith("8.") and not is_quantise and data.value is not None:
        rule = f"TensorRT {version} takes no quantised initialiser"
        yield Finding(node.name, node.operator, rule, "store the weights in FP32 and quantise them with QuantizeLinear")
