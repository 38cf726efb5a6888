"""The range of every activation of an ONNX network over calibration inputs: what INT8 scales come from."""

import numpy as np

from export.quiet import quiet

BINS = 4096
LARGEST_CODE = 127  # symmetric int8: -127..127


class ActivationRanges:
    """Histograms of |x| of every float tensor that is not a weight, the network's input included."""

    def __init__(self, content: bytes, inputs: np.ndarray):
        """content: an fp32 ONNX file with one input; inputs: (N, ...) float32, run one at a time."""
        session, self.names, input_name = observed(content)
        self.maximum = np.zeros(len(self.names))
        for x in each(inputs):
            np.maximum(self.maximum, [largest(t) for t in session.run(self.names, {input_name: x})], out=self.maximum)
        self.counts = np.zeros((len(self.names), BINS), np.int64)
        bins_per_unit = BINS / np.where(self.maximum > 0, self.maximum, 1.0)
        for x in each(inputs):
            for row, tensor in enumerate(session.run(self.names, {input_name: x})):
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


def observed(content: bytes):
    """(session, names, input name): the network with every float activation as an output."""
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
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in names
        if name not in present
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with quiet():
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    return InputToo(session), [graph.input[0].name, *names], graph.input[0].name


class InputToo:
    """A session that also returns its own input."""

    def __init__(self, session):
        self.session = session

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The tensors of those names; the first is the input."""
        return [feed[names[0]], *self.session.run(names[1:], feed)]


def each(inputs: np.ndarray):
    """The inputs one at a time, with batch 1."""
    return (inputs[i : i + 1] for i in range(len(inputs)))


def largest(tensor: np.ndarray) -> float:
    """max |x|."""
    return float(np.abs(tensor).max(initial=0.0))
