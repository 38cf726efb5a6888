"""The range of every activation of an ONNX network over calibration inputs: what INT8 scales come from."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from export.convert.quiet import quiet
from export.networks import Feed

BINS = 4096
LARGEST_CODE = 127  # symmetric int8: -127..127


class ActivationRanges:
    """Histograms of |x| of every float tensor that is not a weight, the network's inputs included."""

    def __init__(self, content: bytes, feeds: Sequence[Feed]):
        """content: an fp32 ONNX file; feeds: all its inputs, run one after the other."""
        session, self.names = observed(content)
        self.maximum = np.zeros(len(self.names))
        for feed in feeds:
            np.maximum(self.maximum, [largest(t) for t in session.run(self.names, feed)], out=self.maximum)
        self.counts = np.zeros((len(self.names), BINS), np.int64)
        bins_per_unit = BINS / np.where(self.maximum > 0, self.maximum, 1.0)
        for feed in feeds:
            for row, tensor in enumerate(session.run(self.names, feed)):
                index = np.minimum((np.abs(tensor.ravel()) * bins_per_unit[row]).astype(np.int64), BINS - 1)
                self.counts[row] += np.bincount(index, minlength=BINS)

    def scales(self, percentile: float) -> dict[str, np.float32]:
        """int8 step by tensor name, so that `percentile` % of the tensor's values are not clipped."""
        share = np.cumsum(self.counts, axis=1) / self.counts.sum(axis=1, keepdims=True)
        # The first bin whose upper edge has the share below it; the last edge is the maximum itself.
        first = (share >= min(1.0, percentile / 100) - 1e-15).argmax(axis=1)
        limit = self.maximum * (first + 1) / BINS
        limit[limit == 0] = 1.0  # a tensor that is always zero: any scale represents it
        return {name: np.float32(x / LARGEST_CODE) for name, x in zip(self.names, limit, strict=True)}


def observed(content: bytes) -> Any:
    """(session, names): the network with every float activation as an output."""
    import onnx
    import onnxruntime

    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content))
    graph = model.graph
    floats = {
        value.name
        for value in (*graph.value_info, *graph.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    names = [name for node in graph.node for name in node.output if name in floats]
    present = {value.name for value in graph.output}
    graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names if name not in present
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with quiet():
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    inputs = [value.name for value in graph.input]
    return InputsToo(session, len(inputs)), [*inputs, *names]


class InputsToo:
    """A session that also returns its own inputs."""

    def __init__(self, session: Any, n_inputs: int) -> None:
        self.session, self.n_inputs = session, n_inputs

    def run(self, names: list[str], feed: Feed) -> list[np.ndarray]:
        """The tensors of those names; the inputs are the first."""
        inputs, computed = names[: self.n_inputs], names[self.n_inputs :]
        return [*(feed[name] for name in inputs), *self.session.run(computed, feed)]


def largest(tensor: np.ndarray) -> float:
    """max |x|."""
    return float(np.abs(tensor).max(initial=0.0))
