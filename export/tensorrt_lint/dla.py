"""What NVIDIA's deep-learning accelerator (DLA) of a Xavier or an Orin does not run: those nodes go to the GPU.

From "DLA Supported Layers and Restrictions" of TensorRT's documentation, as far as a graph tells: which operators, how
large kernels, strides and channels may be, two spatial dimensions. TensorRT 10.7 is the last with DLA on a Jetson. A
Nano and an Orin Nano have none; nothing of this was run.
"""

from collections.abc import Callable, Iterator, Sequence

from export.tensorrt_lint.finding import Finding
from export.tensorrt_lint.graph import Node, read_nodes
from export.tensorrt_lint.linter import load_model

LARGEST_KERNEL, LARGEST_STRIDE, LARGEST_CHANNELS = 32, 8, 8192
LARGEST_WINDOW, LARGEST_POOL_STRIDE = 8, 16
ON_GPU = "it runs on the GPU instead (allow GPU fallback), with a copy each way"
SHAPES_ONLY = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity")  # moves nothing, or folded
Rule = Callable[[Node], str]  # what a node breaks, "" when nothing


def convolution(node: Node) -> str:
    """Kernel 1 to 32, stride 1 to 8, channels up to 8192, two spatial dimensions."""
    weights = node.inputs[1].shape if len(node.inputs) > 1 and node.inputs[1] else None
    if weights is None:
        return ""
    if len(weights) != 4:
        return "two spatial dimensions are needed"
    if max(weights[2:]) > LARGEST_KERNEL:
        return f"kernels of {weights[2]} x {weights[3]}, at most {LARGEST_KERNEL}"
    if max(weights[:2]) > LARGEST_CHANNELS:
        return f"{max(weights[:2])} channels, at most {LARGEST_CHANNELS}"
    return too_large(node, "strides", LARGEST_STRIDE)


def deconvolution(node: Node) -> str:
    """As a convolution, neither grouped nor dilated, without padding."""
    if node.attributes.get("group", 1) != 1 or max(node.attributes.get("dilations", [1])) > 1:
        return "neither groups nor dilations"
    return "no padding" if any(node.attributes.get("pads", [])) else convolution(node)


def pooling(node: Node) -> str:
    """Windows 1 to 8, strides 1 to 16."""
    return too_large(node, "kernel_shape", LARGEST_WINDOW) or too_large(node, "strides", LARGEST_POOL_STRIDE)


def global_pooling(node: Node) -> str:
    """The window is the whole input."""
    shape = node.inputs[0].shape if node.inputs[0] else None
    if shape is None or len(shape) != 4:
        return ""
    size = max(shape[2] or 0, shape[3] or 0)
    return f"a window of {shape[2]} x {shape[3]}, at most {LARGEST_WINDOW}" if size > LARGEST_WINDOW else ""


def concatenation(node: Node) -> str:
    """Along the channels."""
    return "" if node.attributes.get("axis", 1) in (1, -3) else "along the channels only"


def four_dimensions(node: Node) -> str:
    """Batch, channels and two more."""
    shapes = [tensor.shape for tensor in node.inputs if tensor and tensor.shape and not tensor.is_constant]
    return "" if all(len(shape) == 4 for shape in shapes) else "two spatial dimensions are needed"


def too_large(node: Node, attribute: str, largest: int) -> str:
    """Whether an attribute's numbers are."""
    values = node.attributes.get(attribute, [1])
    return f"{attribute} {' x '.join(map(str, values))}, at most {largest}" if max(values) > largest else ""


RULES: dict[str, Rule] = {
    "Conv": convolution,
    "ConvTranspose": deconvolution,
    "Gemm": lambda node: "",  # a fully connected layer
    "MaxPool": pooling,
    "AveragePool": pooling,
    "GlobalAveragePool": global_pooling,
    "GlobalMaxPool": global_pooling,
    "Concat": concatenation,
    "PRelu": lambda node: "",
    "BatchNormalization": four_dimensions,
    "Softmax": lambda node: "an Orin's runs it within limits, a Xavier's does not",
    **dict.fromkeys(("Relu", "Sigmoid", "Tanh", "LeakyRelu", "Clip"), four_dimensions),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum"), four_dimensions),
}


def dla_findings(content: bytes) -> list[Finding]:
    """What of an ONNX file would not run on a DLA: an empty list when all does. Raises UserError for no ONNX file."""
    return list(breaches(read_nodes(load_model(content))))


def breaches(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Every node that goes to the GPU, and why."""
    for node in nodes:
        is_folded = all(tensor is None or tensor.is_constant for tensor in node.inputs)
        if is_folded or node.operator in (*SHAPES_ONLY, "QuantizeLinear", "DequantizeLinear"):
            continue
        rule = RULES.get(node.operator)
        broken = f"{node.operator} is none of those that are known here to run on a DLA" if rule is None else rule(node)
        if broken:
            said = broken if rule is None else f"on a DLA: {broken}"
            yield Finding(node.name, node.operator, said, ON_GPU)
