"""Operators of opsets 14 to 23 as opset 13 has them, and files of older opsets as 13.

ONNX's own version converter goes up, and not down from 14.
"""

from collections.abc import Callable, Container

import numpy as np
import onnx

from export.convert.rewrites.primitives import Builder, lower_to_primitives, read_attributes
from export.convert.rewrites.rewriter import OPSET, at_opset_13
from export.convert.rewrites.shapes import infer_shapes, replace_nodes, tensor_shapes

FUNCTIONS = ("GroupNormalization",)
REDUCTIONS = (
    *("ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
    *("ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"),
)
NEWER_ATTRIBUTES: dict[str, dict[str, object]] = {  # that say, where they have this value, what opset 13 does anyway
    "Reshape": {"allowzero": 0},
    "BatchNormalization": {"training_mode": 0},
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": b"stretch"},
    "Cast": {"saturate": 1, "round_mode": b"up"},
    "GRU": {"layout": 0},
    "LSTM": {"layout": 0},
    "RNN": {"layout": 0},
    "Shape": {"start": 0},
}


def with_older_forms(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with such nodes replaced; of an opset before 13 it is one of 13 afterwards."""
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < OPSET:
        return onnx.version_converter.convert_version(model, OPSET)
    if opset == OPSET:
        return model
    model = infer_shapes(model)
    lower_to_primitives(model)
    replace_all(model.graph)
    return at_opset_13(model)


def without_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with those nodes replaced of which onnxruntime would make many, and less exact ones."""
    model = infer_shapes(model)
    replace_all(model.graph, FUNCTIONS)
    return model


def replace_all(graph: onnx.GraphProto, kinds: Container[str] | None = None) -> None:
    """Replace, in place, every node, or every one of some kinds, that opset 13 has in another form."""
    shapes = tensor_shapes(graph)
    constants = {proto.name: onnx.numpy_helper.to_array(proto) for proto in graph.initializer}
    nodes = []
    for node in graph.node:
        if kinds is not None and node.op_type not in kinds:
            nodes.append(node)
            continue
        drop_attributes(node)
        older = older_form(node, constants, shapes.get(node.input[0], ()) if node.input else ())
        nodes.extend(older or [node])
    replace_nodes(graph, nodes)
    del graph.value_info[:]  # it may name tensors that are gone


def drop_attributes(node: onnx.NodeProto) -> None:
    """Leave out what opset 13 does not know and does."""
    defaults = NEWER_ATTRIBUTES.get(node.op_type, {})
    for attribute in list(node.attribute):
        if attribute.name in defaults and onnx.helper.get_attribute_value(attribute) == defaults[attribute.name]:
            node.attribute.remove(attribute)


def older_form(
    node: onnx.NodeProto, constants: dict[str, np.ndarray], shape: tuple[int | None, ...]
) -> list[onnx.NodeProto] | None:
    """The nodes that take the place of one, or None."""
    if node.op_type in REDUCTIONS:
        return reduction(node, constants)
    form = FORMS.get(node.op_type)
    return form(node, constants, shape) if form else None


def reduction(node: onnx.NodeProto, constants: dict[str, np.ndarray]) -> list[onnx.NodeProto] | None:
    """Axes as an attribute."""
    attributes = read_attributes(node)
    noop = attributes.pop("noop_with_empty_axes", 0)
    if len(node.input) > 1 and node.input[1]:
        if node.input[1] not in constants:
            return None
        attributes["axes"] = constants[node.input[1]].ravel().tolist()
    if not attributes.get("axes"):
        attributes.pop("axes", None)
        if noop:
            return [onnx.helper.make_node("Identity", node.input[:1], node.output, name=node.name)]
    return [onnx.helper.make_node(node.op_type, node.input[:1], node.output, name=node.name, **attributes)]


Shape = tuple[int | None, ...]
Constants = dict[str, np.ndarray]
Form = Callable[[onnx.NodeProto, Constants, Shape], list[onnx.NodeProto] | None]


def split(node: onnx.NodeProto, _: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """num_outputs is counted; parts that are not equal are named."""
    attributes = read_attributes(node)
    if attributes.pop("num_outputs", None) is None:
        return None
    size, n = shape[attributes.get("axis", 0)], len(node.output)
    each = -(-size // n)
    sizes = np.array([each] * (n - 1) + [size - each * (n - 1)], np.int64)
    name = f"{node.output[0]}/sizes"
    constant = onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(sizes))
    return [constant, onnx.helper.make_node("Split", [node.input[0], name], node.output, name=node.name, **attributes)]


def pad(node: onnx.NodeProto, constants: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """Axes that are not named are padded by 0."""
    if len(node.input) < 4 or not node.input[3]:
        return None
    if node.input[1] not in constants or node.input[3] not in constants:
        return None
    axes = [int(axis) % len(shape) for axis in constants[node.input[3]]]
    whole = np.zeros((2, len(shape)), np.int64)
    whole[:, axes] = constants[node.input[1]].reshape(2, -1)
    name = f"{node.output[0]}/pads"
    constant = onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(whole.ravel()))
    inputs = [node.input[0], name, *([node.input[2]] if node.input[2] else [])]
    return [constant, onnx.helper.make_node("Pad", inputs, node.output, name=node.name, **read_attributes(node))]


def hard_swish(node: onnx.NodeProto, _: Constants, shape: Shape) -> list[onnx.NodeProto]:
    """x max(0, min(1, x/6 + 1/2))."""
    build = Builder(node)
    build.add("Mul", node.input[0], build.add("HardSigmoid", node.input[0], alpha=1 / 6, beta=0.5))
    return build.finish()


def mish(node: onnx.NodeProto, _: Constants, shape: Shape) -> list[onnx.NodeProto]:
    """x tanh(ln(1 + exp x))."""
    build = Builder(node)
    build.add("Mul", node.input[0], build.add("Tanh", build.add("Softplus", node.input[0])))
    return build.finish()


def group_normalization(node: onnx.NodeProto, constants: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """Each group of channels around its own mean, as an instance normalisation of the groups."""
    attributes = read_attributes(node)
    groups, channels = attributes["num_groups"], shape[1]
    scale, bias = (constants.get(name) for name in node.input[1:3])
    if scale is None or bias is None or None in shape:
        return None
    if scale.size == groups != channels:  # opset 18 has one number a group
        scale, bias = (np.repeat(values, channels // groups) for values in (scale, bias))
    build = Builder(node)

    def number(values: np.ndarray) -> str:
        return build.add("Constant", value=onnx.numpy_helper.from_array(values))

    grouped = build.add("Reshape", node.input[0], number(np.array([shape[0], groups, -1], np.int64)))
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    epsilon = attributes.get("epsilon", 1e-5)
    grouped = build.add("InstanceNormalization", grouped, number(ones), number(zeros), epsilon=epsilon)
    whole = build.add("Reshape", grouped, number(np.array(shape, np.int64)))
    each = (channels, *[1] * (len(shape) - 2))
    scaled = build.add("Mul", whole, number(scale.reshape(each).astype(np.float32)))
    build.add("Add", scaled, number(bias.reshape(each).astype(np.float32)))
    return build.finish()


def rms_normalization(node: onnx.NodeProto, _: Constants, shape: Shape) -> list[onnx.NodeProto]:
    """x / sqrt(mean(x squared) + epsilon) * scale."""
    attributes = read_attributes(node)
    axis = attributes.get("axis", -1)
    axes = list(range(axis, 0 if axis < 0 else len(shape)))
    build = Builder(node)
    square = build.add("ReduceMean", build.add("Mul", node.input[0], node.input[0]), axes=axes)
    root = build.add("Sqrt", build.add("Add", square, attributes.get("epsilon", 1e-5)))
    build.add("Mul", build.add("Div", node.input[0], root), node.input[1])
    return build.finish()


def reshape(node: onnx.NodeProto, constants: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """allowzero means nothing to sizes that have no zero."""
    wanted = constants.get(node.input[1])
    if wanted is None or 0 in wanted or not read_attributes(node).get("allowzero", 0):
        return None
    return [onnx.helper.make_node("Reshape", node.input, node.output, name=node.name)]


def trilu(node: onnx.NodeProto, constants: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """A triangle is kept by a mask."""
    named = [name for name in node.input[1:] if name]
    if len(shape) < 2 or None in shape or any(name not in constants for name in named):
        return None
    mask = np.ones(shape[-2:], np.float32)
    k = int(constants[named[0]]) if named else 0
    mask = np.triu(mask, k) if read_attributes(node).get("upper", 1) else np.tril(mask, k)
    build = Builder(node)
    build.add("Mul", node.input[0], build.add("Constant", value=onnx.numpy_helper.from_array(mask)))
    return build.finish()


def shape_of(node: onnx.NodeProto, _: Constants, shape: Shape) -> list[onnx.NodeProto] | None:
    """Part of a shape, where it is known."""
    attributes = read_attributes(node)
    if not attributes or not shape or None in shape:
        return None
    part = np.array(shape[attributes.get("start", 0) : attributes.get("end")], np.int64)
    return [onnx.helper.make_node("Constant", [], node.output, value=onnx.numpy_helper.from_array(part))]


FORMS: dict[str, Form] = {
    "Reshape": reshape,
    "Shape": shape_of,
    "Split": split,
    "Trilu": trilu,
    "Pad": pad,
    "HardSwish": hard_swish,
    "Mish": mish,
    "GroupNormalization": group_normalization,
    "RMSNormalization": rms_normalization,
}
