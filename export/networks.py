"""What networks are run on: arrays by name, alone or one after the other with what the network remembers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from edge.engines import Engine

Feed = dict[str, np.ndarray]  # float32 by input or output name, each with batch 1
Stream = Sequence[Feed]  # what comes in from outside, step by step; the states are zero before the first
Network = Callable[[Feed], Feed]
Shapes = Mapping[str, tuple[int, ...]]

INPUT_NAME, OUTPUT_NAME, ESTIMATE_NAME, VECTOR_NAME = "features", "logits", "clean", "vector"  # of one with one of each
STATE, NEW = "state_", "new_"  # what the output new_state_NAME gives is the next step's input state_NAME


def frames(inputs: np.ndarray) -> list[Stream]:
    """Inputs (N, ...) of a network that remembers nothing: streams of one step."""
    return [[{INPUT_NAME: inputs[i : i + 1]}] for i in range(len(inputs))]


def state_shapes(model: Any) -> Shapes:
    """The states of a Keras model with named inputs."""
    return {tensor.name: tuple(tensor.shape) for tensor in model.inputs if tensor.name.startswith(STATE)}


def remembers(graph: Any) -> bool:
    """Whether an ONNX graph takes states."""
    return any(value.name.startswith(STATE) for value in graph.input)


def attends(graph: Any) -> bool:
    """Whether an ONNX graph weighs what it looks at: a network that gives logits has no other use for a softmax."""
    return any(node.op_type == "Softmax" for node in graph.node)


def run(network: Network, streams: Sequence[Stream], states: Shapes) -> Iterator[tuple[Feed, Feed]]:
    """All inputs, states among them, and all outputs of every step of every stream."""
    for stream in streams:
        remembered = {name: np.zeros(shape, np.float32) for name, shape in states.items()}
        for step in stream:
            feed = {**step, **remembered}
            outputs = network(feed)
            remembered = {name: outputs[NEW + name] for name in states}
            yield feed, outputs


def answers(network: Network, streams: Sequence[Stream], states: Shapes) -> np.ndarray:
    """What a network says at every step, (N, labels), or (N, ...) of a denoiser."""
    return np.concatenate([answer(outputs) for _, outputs in run(network, streams, states)])


def answer(outputs: Feed) -> np.ndarray:
    """The output that is no state."""
    return next(value for name, value in outputs.items() if not name.startswith(NEW))


def keras_network(model: Any) -> Network:
    """A Keras model whose inputs have names and whose outputs are a dict."""
    import tensorflow as tf

    names = [tensor.name for tensor in model.inputs]
    signature = [tf.TensorSpec(tensor.shape, tf.float32) for tensor in model.inputs]
    function = tf.function(lambda *x: model(list(x), training=False), input_signature=signature)
    return lambda feed: {k: v.numpy() for k, v in function(*(feed[name] for name in names)).items()}


def onnx_network(content: bytes) -> Network:
    """The bytes of an ONNX file in onnxruntime, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda feed: dict(zip(names, session.run(names, feed), strict=True))


def engine_network(engine: Engine) -> Network:
    """A model file in the engine that runs it on the board."""

    def network(feed: Feed) -> Feed:
        fill(engine, feed)
        engine.infer()
        return {name: array.copy() for name, array in engine.outputs.items()}

    return network


def fill(engine: Engine, feed: Feed) -> None:
    """Put a feed into an engine's own arrays. What a file calls its only input does not matter."""
    for name, array in feed.items():
        place = engine.inputs[name] if len(engine.inputs) > 1 else next(iter(engine.inputs.values()))
        place[...] = array
