"""Dense weights rounded so that what one of them errs by, those after it make up for, before they become int8.

TFLite files hold a dense layer's weights with one scale for all of them (one for each output needs an operator that
tflite-runtime 2.14 does not know), which is coarse. Frantar et al. 2022, GPTQ (arXiv 2210.17323), equation 3: weight
after weight is rounded, and those that are not yet rounded move by what keeps the layer's output nearest, on average
over the inputs that it sees. The scale stays as the converter will find it.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from export.convert.activation_ranges import LARGEST_CODE, observed
from export.convert.onnx_int8 import DENSE, graph_of
from export.networks import Feed
from export.onnx_model import OnnxModel

LEAST_SIZE = 1024  # numbers of a weight that the converter makes int8 of
DAMPING = 0.01  # of the mean square of an input, so that inputs that never move do not matter
MOST_FRAMES = 256
MOST_INPUTS = 2048  # of a layer: the time grows with their third power


@contextlib.contextmanager
def rounded_dense_weights(model: Any, fp32_onnx: bytes, feeds: Sequence[Feed]) -> Iterator[Any]:
    """The model to convert, whose dense weights are whole steps of their scale; a Keras model as it was, afterwards.

    fp32_onnx: the same network, from which the inputs of its layers are known. A network that multiplies by constants
    of its own, as a Legendre memory does, is converted from that file: a Keras model lets nobody change them.
    """
    moments = input_moments(fp32_onnx, feeds)
    if isinstance(model, OnnxModel):
        yield replace(model, content=with_weights(model.content, moments))
        return
    variables = {id(variable): variable.numpy().copy() for variable in model.weights}
    if any(not any(np.array_equal(kernel, w) for w in variables.values()) for kernel, _ in moments.values()):
        yield OnnxModel(with_weights(fp32_onnx, moments))
        return
    kept = []
    try:
        for variable in model.weights:
            weights = variables[id(variable)]
            found = [moment for kernel, moment in moments.values() if np.array_equal(kernel, weights)]
            if found:  # of several, the same weights are used more than once
                kept.append((variable, weights))
                variable.assign(rounded(weights, np.sum(found, axis=0)))
        yield model
    finally:
        for variable, weights in kept:
            variable.assign(weights)


def with_weights(content: bytes, moments: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """An ONNX file with its dense weights rounded."""
    import onnx

    model = onnx.load_from_string(content)
    for proto in model.graph.initializer:
        if proto.name in moments:
            kernel, moment = moments[proto.name]
            given, new = onnx.numpy_helper.to_array(proto), rounded(kernel, moment)
            proto.CopyFrom(onnx.numpy_helper.from_array(new if new.shape == given.shape else new.T, proto.name))
    return model.SerializeToString()


def input_moments(fp32_onnx: bytes, feeds: Sequence[Feed]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By name of the weights: (kernel (inputs, outputs), sum of x xT of what it is multiplied by, (inputs, inputs))."""
    import onnx

    graph = graph_of(fp32_onnx)
    stored = {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer if len(w.dims) == 2}
    kernels = {
        node.input[1]: kernel_of(node, stored)
        for node in graph.node
        if node.op_type in DENSE and node.input[1] in stored and node.input[0] not in stored
    }
    kernels = {n: kernel for n, kernel in kernels.items() if kernel.size >= LEAST_SIZE and len(kernel) <= MOST_INPUTS}
    if not kernels:
        return {}
    products = [node for node in graph.node if node.op_type in DENSE and node.input[1] in kernels]
    session, names = observed(fp32_onnx)
    sums = {name: np.zeros((len(kernel),) * 2) for name, kernel in kernels.items()}
    for feed in feeds[:: max(1, len(feeds) // MOST_FRAMES)]:
        seen = dict(zip(names, session.run(names, feed), strict=True))
        for node in products:
            x = seen[node.input[0]].reshape(-1, len(kernels[node.input[1]])).astype(np.float64)
            sums[node.input[1]] += x.T @ x
    return {name: (kernel, sums[name]) for name, kernel in kernels.items()}


def kernel_of(node: Any, kernels: Mapping[str, np.ndarray]) -> np.ndarray:
    """As Keras has it, (inputs, outputs)."""
    kernel = kernels[node.input[1]]
    return kernel.T if any(a.name == "transB" and a.i for a in node.attribute) else kernel


def rounded(weights: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Weights (inputs, outputs) as whole steps of max |w| / 127. moment: sum of x xT of the inputs."""
    scale = float(np.abs(weights).max()) / LARGEST_CODE
    if scale == 0:
        return weights
    fixed = np.abs(weights) == np.abs(weights).max()  # they make the scale, and must
    damped = moment + np.eye(len(moment)) * (DAMPING * np.trace(moment) / len(moment) + 1e-12)
    inverse = np.linalg.cholesky(np.linalg.inv(damped)).T  # upper: row i is of what is not yet rounded after i
    left = weights.astype(np.float64)
    result = np.empty_like(left)
    for row in range(len(left)):
        codes = np.clip(np.round(left[row] / scale), -LARGEST_CODE, LARGEST_CODE)
        codes[fixed[row]] = np.sign(weights[row][fixed[row]]) * LARGEST_CODE
        result[row] = codes * scale
        error = (left[row] - result[row]) / inverse[row, row]
        left[row + 1 :] -= np.outer(inverse[row, row + 1 :], error)
    return result.astype(np.float32)
