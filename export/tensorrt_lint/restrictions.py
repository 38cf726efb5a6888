"""The restrictions of the operator table, sentence by sentence: how each is decided on a graph, or why it is not.

Each sentence of the table is in CHECKS or in NOT_CHECKED; which operator it is about only the table says.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from export.tensorrt_lint.graph import Node, Tensor, from_value_info

FREEZE = "make it an initialiser: export with weights and shapes frozen, then apply export.convert.rewrites.rewrite"
TWO_D = "apply export.convert.rewrites.rewrite: it makes 1-D convolutions and poolings 2-D"
SYMMETRIC = "quantise symmetrically, with a zero-point initialiser of 0"
ONE_STEP = "export one step of the layer with export.convert.rewrites.one_step"
ONE_WAY = "use one direction, or the same activations in both"


@dataclass(frozen=True)
class Check:
    """holds(node, sentence): whether a node keeps to the restriction; True also when nothing tells."""

    holds: Callable[[Node, str], bool]
    rewrite: str


def constants(*names: str) -> Callable[[Node, str], bool]:
    """The inputs of these names, where a node has them, are initialisers."""
    return lambda node, _: all(tensor is None or tensor.is_constant for tensor in map(node.input_named, names))


def two_or_three_d(node: Node, _: str) -> bool:
    shape = node.inputs[0].shape
    return shape is None or len(shape) - 2 in (2, 3)


def rank_3_to_5(node: Node, _: str) -> bool:
    shape = node.inputs[0].shape
    return shape is None or 3 <= len(shape) <= 5


def zero_point_is_zero(node: Node, _: str) -> bool:
    zero_point = node.input(2)
    return zero_point is None or (zero_point.value is not None and not zero_point.value.any())


def one_output(node: Node, _: str) -> bool:
    return not any(node.outputs[1:])


def fixed_inputs(node: Node, _: str) -> bool:
    return all(tensor is None or tensor.is_fixed for tensor in node.inputs)


def constant_range(node: Node, sentence: str) -> bool:
    is_float = any(tensor and tensor.data_type in ("FP32", "FP16") for tensor in node.inputs)
    return not is_float or constants("start", "limit", "delta")(node, sentence)


def same_both_ways(node: Node, _: str) -> bool:
    """The activations of a bidirectional layer: first those of the forward pass, then those of the reverse."""
    activations = node.attributes.get("activations", [])
    half = len(activations) // 2
    return node.attributes.get("direction") != b"bidirectional" or activations[:half] == activations[half:]


def einsum_terms(node: Node) -> list[str]:
    """The indices of each input and output, as "ij"."""
    equation = node.attributes["equation"].decode().replace(" ", "")
    return re.split(r",|->", equation)


def no_ellipsis_or_diagonal(node: Node, _: str) -> bool:
    return all("..." not in term and len(set(term)) == len(term) for term in einsum_terms(node))


def no_broadcasting(node: Node, _: str) -> bool:
    sizes: dict[str, int] = {}
    for term, tensor in zip(einsum_terms(node), node.inputs, strict=False):
        for index, size in zip(term, tensor.shape or (), strict=False):
            if size is not None and sizes.setdefault(index, size) != size:
                return False
    return True


def branches(node: Node) -> list[tuple[Tensor, Tensor]]:
    """The outputs of the two branches of an If, in pairs."""
    then, other = (
        [from_value_info(value) for value in node.attributes[name].output] for name in ("then_branch", "else_branch")
    )
    return list(zip(then, other, strict=False))


def branches_broadcast(node: Node, _: str) -> bool:
    for a, b in branches(node):
        if a.name == b.name:
            return False
        pairs = zip(reversed(a.shape or ()), reversed(b.shape or ()), strict=False)
        if any(m != n and None not in (m, n) and 1 not in (m, n) for m, n in pairs):
            return False
    return True


def branches_same_rank(node: Node, _: str) -> bool:
    return all(
        a.name != b.name and (a.shape is None or b.shape is None or len(a.shape) == len(b.shape))
        for a, b in branches(node)
    )


def listed(attribute: str, default: str) -> Callable[[Node, str], bool]:
    """The attribute has one of the values that the sentence lists."""

    def holds(node: Node, sentence: str) -> bool:
        value = node.attributes.get(attribute, default.encode()).decode()
        return value in re.findall(r"`(\w+)`", sentence)

    return holds


def nearest_mode_listed(node: Node, sentence: str) -> bool:
    is_nearest = node.attributes.get("mode", b"nearest") == b"nearest"
    return not is_nearest or listed("nearest_mode", "round_prefer_floor")(node, sentence)


def no_dilation(node: Node, _: str) -> bool:
    return all(d == 1 for d in node.attributes.get("dilations", []))


def without_these_attributes(node: Node, sentence: str) -> bool:
    return not set(re.findall(r"`(\w+)`", sentence)) & set(node.attributes)


def equals(attribute: str, value: int, default: int) -> Callable[[Node, str], bool]:
    """The attribute has this value."""
    return lambda node, _: node.attributes.get(attribute, default) == value


def not_training(node: Node, _: str) -> bool:
    training_mode = node.input(2)
    return training_mode is None or (training_mode.value is not None and not training_mode.value.any())


def axis_is_fixed(node: Node, _: str) -> bool:
    shape = node.inputs[0].shape
    return shape is not None and shape[node.attributes.get("axis", -1)] is not None


def k_below_3840(node: Node, _: str) -> bool:
    k = node.inputs[1].value
    return k is None or int(np.max(k)) < 3840


BIDIRECTIONAL = "For bidirectional {}s, activation functions must be the same for both the forward and reverse pass"
CHECKS = {
    "2D or 3D Pooling only": Check(two_or_three_d, TWO_D),
    "2D or 3D pooling only": Check(two_or_three_d, TWO_D),
    "2D or 3D convolutions only": Check(two_or_three_d, TWO_D),
    "2D or 3D deconvolutions only": Check(two_or_three_d, TWO_D),
    "Weights `W` must be an initailizer": Check(constants("W"), FREEZE),
    "Weights `W` must be an initializer": Check(constants("W"), FREEZE),
    "`axis` must be an initializer": Check(constants("axis"), FREEZE),
    "`axes` must be an initializer": Check(constants("axes"), FREEZE),
    "`axes` must be a constant tensor": Check(constants("axes"), FREEZE),
    "`K` input must be an initializer": Check(constants("K"), FREEZE),
    "`depth` must be a build-time constant": Check(constants("depth"), FREEZE),
    "Scales `scale` and biases `B` must be initializers": Check(constants("scale", "B"), FREEZE),
    "Floating point inputs are only supported if `start`, `limit`, and `delta` inputs are initializers": Check(
        constant_range, FREEZE
    ),
    "`x_zero_point` must be zero": Check(zero_point_is_zero, SYMMETRIC),
    "`y_zero_point` must be 0": Check(zero_point_is_zero, SYMMETRIC),
    "Ellipsis and diagonal operations are not supported": Check(
        no_ellipsis_or_diagonal, "write every index, each once per operand"
    ),
    "Broadcasting between inputs is not supported": Check(no_broadcasting, "expand the smaller operand first"),
    BIDIRECTIONAL.format("GRU"): Check(same_both_ways, ONE_WAY),
    BIDIRECTIONAL.format("LSTM"): Check(same_both_ways, ONE_WAY),
    BIDIRECTIONAL.format("RNN"): Check(same_both_ways, ONE_WAY),
    "`input_forget` attribute must be 0": Check(equals("input_forget", 0, default=0), ONE_STEP),
    "`layout` attribute must be 0": Check(equals("layout", 0, default=0), ONE_STEP),
    "Output tensors of the two conditional branches must have broadcastable shapes, and must have different "
    "names": Check(branches_broadcast, "compute both branches and choose with Where"),
    "Output tensors of the two conditional branches must have the same rank and must have different names": Check(
        branches_same_rank, "compute both branches and choose with Where"
    ),
    "Input rank must be >=3 & <=5": Check(rank_3_to_5, "reshape around it"),
    "`Indices` output tensor unsupported": Check(one_output, "use the pooled values only"),
    "Supported resize transformation modes: `half_pixel`, `pytorch_half_pixel`, `tf_half_pixel_for_nn`, "
    "`asymmetric`, and `align_corners`": Check(
        listed("coordinate_transformation_mode", "half_pixel"), "resize in one of these modes"
    ),
    "Supported resize modes: `nearest`, `linear`": Check(listed("mode", "nearest"), "resize in one of these modes"),
    "Supported nearest modes: `floor`, `ceil`, `round_prefer_floor`, `round_prefer_ceil`": Check(
        nearest_mode_listed, "resize in one of these modes"
    ),
    "Dynamic input shapes are unsupported": Check(fixed_inputs, "give every input a fixed shape"),
    "`input` must have static dimensions": Check(fixed_inputs, "give every input a fixed shape"),
    "`axis` dimension of input must be a build-time constant": Check(axis_is_fixed, "give every input a fixed shape"),
    "`dilations` must be empty or all ones": Check(no_dilation, "pool without dilation"),
    "`sparse_value`, `value_string`, and `value_strings` attributes are unsupported": Check(
        without_these_attributes, "store it as a dense number"
    ),
    "`is_traning` must be an initializer and evaluate to False": Check(
        not_training, "export for inference, without Dropout"
    ),
    "`sorted` must be 1": Check(equals("sorted", 1, default=1), "ask for sorted values"),
    "`K` input must be less than 3840": Check(k_below_3840, "ask for fewer values"),
}

AFTER_OPSET_13 = "not before opset {}, which the opset rule refuses"
NOT_CHECKED = {
    "`seed` value is ignored by TensorRT": "refuses nothing: the numbers are others, which the parity report shows",
    "Scan output length cannot be dynamic": "such an output has no fixed shape, which the dynamic shape rule refuses",
    "The shape of Loop carried dependencies must be the same across all loop iterations": "only a run can tell; "
    "where the shape is unknown, the dynamic shape rule refuses it",
    "Only the first output `Y` is supported": AFTER_OPSET_13.format(17),
    "`input` must have 1D or 2D spatial dimensions": AFTER_OPSET_13.format(19),
    "`pads` for the beginning and end along each spatial axis must be the same": AFTER_OPSET_13.format(19),
    "Input must be 4D input": AFTER_OPSET_13.format(16),
    "Supported aspect ratio policy: `stretch`": AFTER_OPSET_13.format(18),
    "When `scales` is a tensor input, `axes` must be an iota vector of length rank(input)": AFTER_OPSET_13.format(18),
    "Antialiasing is not supported": AFTER_OPSET_13.format(18),
    "`reduction` is not supported": AFTER_OPSET_13.format(16),
}
