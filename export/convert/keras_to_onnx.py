"""Keras -> ONNX that onnxruntime 1.10 and TensorRT 8.2 read: opset 13, IR version 7, fixed batch 1."""

from collections.abc import Sequence
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.onnx_fold import fold_scale_and_shift
from export.convert.quiet import quiet
from export.convert.rewrites import rewrite
from export.networks import OUTPUT_NAME
from export.onnx_model import OnnxModel

OPSET = 13
IR_VERSION = 7


def keras_to_onnx(model: Any) -> bytes:
    """Convert a functional Keras model with batch 1 to a checked fp32 ONNX file; returns its bytes. One that came as
    ONNX is as it was imported.

    Inputs and outputs keep the model's names for them; an output without one is called logits. What TensorRT would
    not import is rewritten where that is possible. Raises UserError when it does not convert.
    """
    if isinstance(model, OnnxModel):
        return model.content
    import onnx
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec(tensor.shape, tf.float32, name=tensor.name) for tensor in model.inputs]

    def named(*inputs: Any) -> Any:
        outputs = model(list(inputs), training=False)
        return outputs if isinstance(outputs, dict) else {OUTPUT_NAME: outputs}

    function = tf.function(named, input_signature=signature)
    try:
        with quiet():
            graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
            graph.ir_version = IR_VERSION
            store_constants(graph.graph, function.get_concrete_function(*signature))
            rewritten = rewrite(graph.SerializeToString())
            check_operators(onnx.load_from_string(rewritten))
            content = fold_scale_and_shift(rewritten)
            onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    except UserError:
        raise
    except Exception as error:  # what tf2onnx raises varies with what it cannot convert
        raise UserError(
            f"the model does not convert to ONNX {OPSET} ({one_line(error)}): build it from layers that do"
        ) from error
    check_inputs(content, [tensor.name for tensor in model.inputs])
    return content


def check_operators(model: Any) -> None:
    """Raise UserError where operators of TensorFlow's own are left, that neither tf2onnx nor a rewrite replaced."""
    import onnx

    left = [node for node in model.graph.node if not (node.domain or onnx.defs.has(node.op_type, OPSET))]
    if left:
        names = ", ".join(
            f"{node.op_type} at {node.name.removeprefix('StatefulPartitionedCall/')}" for node in left[:3]
        )
        raise UserError(
            f"the model does not convert to ONNX {OPSET}, which has no such operator as {names}: build that layer from "
            f"others, or compute it as the feature"
        )


def store_constants(graph: Any, function: Any) -> None:
    """Make initialisers of the graph inputs that stand for constants of a traced function.

    TensorFlow hands a constant of some size to a function as one more argument, and tf2onnx takes it for an input.
    """
    import onnx
    import tensorflow as tf

    constants = {
        inside.name: outside.numpy()
        for outside, inside in function.graph.captures
        if isinstance(outside, tf.Tensor) and outside.dtype != tf.resource
    }
    for value in [value for value in graph.input if value.name in constants]:
        graph.initializer.append(onnx.numpy_helper.from_array(constants[value.name], value.name))
        graph.input.remove(value)


def check_inputs(content: bytes, expected: Sequence[str]) -> None:
    """Raise UserError unless an ONNX file, as the device reads it, takes exactly these inputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    found = [value.name for value in session.get_inputs()]
    if sorted(found) != sorted(expected):
        raise UserError(
            f"the ONNX file takes the inputs {', '.join(found)} instead of {', '.join(expected)}: a constant of the "
            f"model became an input; make it a weight of a layer"
        )
