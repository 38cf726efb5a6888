"""Small ONNX files to lint and rewrite."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from export.networks import answer, onnx_network


def node(operator, inputs, outputs, **attributes):
    """A node that is named after its first output."""
    return helper.make_node(operator, inputs, outputs, name=f"{outputs[0]}_node", **attributes)


def value(name, shape, elem_type=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, elem_type, shape)


def graph(nodes, inputs=(), outputs=("y",), weights=None):
    """A graph. inputs: values; outputs: names, or values; weights: arrays by name."""
    return helper.make_graph(
        nodes,
        "example",
        list(inputs),
        [helper.make_empty_tensor_value_info(o) if isinstance(o, str) else o for o in outputs],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()],
    )


def file(*arguments, opset=13, ir_version=7, domains=(), **keywords):
    """A graph as the bytes of a file."""
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph(*arguments, **keywords), opset_imports=opsets, ir_version=ir_version)
    return model.SerializeToString()


def one_node(operator, *inputs, outputs=("y",), opset=13, **attributes):
    """A file of one node. Each input is an array (an initialiser), a value (a model's input) or "" (left out)."""
    names, values, weights = [], [], {}
    for index, given in enumerate(inputs):
        if isinstance(given, str):
            names.append(given)
        elif isinstance(given, onnx.ValueInfoProto):
            names.append(given.name)
            values.append(given)
        else:
            names.append(f"w{index}")
            weights[names[-1]] = given
    return file([node(operator, names, list(outputs), **attributes)], values, outputs, weights, opset=opset)


def logits(content, inputs):
    """What a file with one input says of (N, ...) inputs, one at a time."""
    network, name = onnx_network(content), onnx.load_from_string(content).graph.input[0].name
    return np.concatenate([answer(network({name: inputs[i : i + 1]})) for i in range(len(inputs))])
