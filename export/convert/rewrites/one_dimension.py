"""1-D convolutions and poolings as 2-D ones over an image that is one row high."""

import onnx

from export.convert.rewrites.shapes import replace_nodes, tensor_shapes

ROW_AXIS = 2  # (batch, channels, length) -> (batch, channels, 1, length)
ROW_VALUES = {"kernel_shape": [1], "strides": [1], "dilations": [1], "output_padding": [0], "output_shape": [1]}
WINDOWED = ("Conv", "ConvTranspose", "AveragePool", "MaxPool", "LpPool")
WITH_WEIGHTS = ("Conv", "ConvTranspose")


def make_two_dimensional(model: onnx.ModelProto) -> None:
    """Replace, in place, each 1-D convolution and pooling by Unsqueeze, its 2-D kind and Squeeze. Opset 13."""
    graph = model.graph
    shapes = tensor_shapes(graph)
    nodes = []
    for node in graph.node:
        if node.op_type in WINDOWED and len(shapes.get(node.input[0], ())) == 3 and len(node.output) == 1:
            nodes.extend(two_dimensional(node, graph))
        else:
            nodes.append(node)
    replace_nodes(graph, nodes)


def two_dimensional(node: onnx.NodeProto, graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes that take the place of one."""
    name = node.name or node.output[0]
    axes = f"{name}/row_axis"
    graph.initializer.append(onnx.helper.make_tensor(axes, onnx.TensorProto.INT64, [1], [ROW_AXIS]))
    windowed = onnx.NodeProto.FromString(node.SerializeToString())
    widen_attributes(windowed)
    unsqueezed = [0, 1] if node.op_type in WITH_WEIGHTS else [0]
    before = []
    for index in unsqueezed:
        source, widened = node.input[index], f"{name}/input_{index}_2d"
        windowed.input[index] = widened
        if not store_widened(source, widened, graph):
            before.append(
                onnx.helper.make_node("Unsqueeze", [source, axes], [widened], name=f"{name}/Unsqueeze_{index}")
            )
    windowed.output[0] = f"{name}/output_2d"
    after = onnx.helper.make_node("Squeeze", [windowed.output[0], axes], [node.output[0]], name=f"{name}/Squeeze")
    return [*before, windowed, after]


def store_widened(source: str, widened: str, graph: onnx.GraphProto) -> bool:
    """Store an initialiser once more with the row axis, as weights must stay initialisers; False if it is none."""
    for proto in graph.initializer:
        if proto.name == source:
            copy = onnx.TensorProto.FromString(proto.SerializeToString())
            copy.name = widened
            copy.dims.insert(ROW_AXIS, 1)
            graph.initializer.append(copy)
            return True
    return False


def widen_attributes(node: onnx.NodeProto) -> None:
    """Window sizes and the like, in place, for a row axis that is left as it is."""
    for attribute in node.attribute:
        if attribute.name in ROW_VALUES:
            attribute.ints[:] = ROW_VALUES[attribute.name] + list(attribute.ints)
        elif attribute.name == "pads":
            start, end = attribute.ints
            attribute.ints[:] = [0, start, 0, end]
