"""An ONNX network as the exporter passes it on, beside Keras models."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np

from export.networks import INPUT_NAME, NEW, OUTPUT_NAME, Feed, Network, onnx_network


@dataclass(frozen=True)
class OnnxModel:
    """The bytes of a file of fixed shapes, batch 1; of one that is not ours, how a feature lies in it."""

    content: bytes
    origin: str = "ONNX"  # what was given: ONNX, or PyTorch
    feed_shape: tuple[int, ...] = ()  # of the feature as the file takes it; (): as it is
    bands_first: bool = False
    answer: str = ""  # the output that is no state; "": the first
    answer_shape: tuple[int, ...] = (-1,)  # of what it says of one feature
    # By our name, its input and its output in the file.
    states: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)
    is_half: bool = False  # it computes in half precision

    @cached_property
    def graph(self) -> Any:
        import onnx

        return onnx.load_from_string(self.content).graph

    @cached_property
    def inputs(self) -> list[Any]:
        """Each with name and shape."""
        return [named(value) for value in self.graph.input]

    @cached_property
    def outputs(self) -> list[Any]:
        """Each with name and shape."""
        return [named(value) for value in self.graph.output]

    @cached_property
    def weights(self) -> list[Any]:
        """Each with shape."""
        return [SimpleNamespace(shape=tuple(proto.dims)) for proto in self.graph.initializer if proto.data_type == 1]

    def count_params(self) -> int:
        return sum(math.prod(weight.shape) for weight in self.weights)

    def feed(self, x: np.ndarray) -> np.ndarray:
        """A feature (1, columns, bands, 1) as the file takes it."""
        turned = x.swapaxes(1, 2) if self.bands_first else x
        return turned.reshape(self.feed_shape) if self.feed_shape else turned

    def cast(self, feed: Feed) -> Feed:
        """Arrays in the types of the file's inputs."""
        import onnx

        kinds = {value.name: value.type.tensor_type.elem_type for value in self.graph.input}
        return {name: x.astype(onnx.helper.tensor_dtype_to_np_dtype(kinds[name])) for name, x in feed.items()}

    def network(self, opened: Callable[[bytes], Network] = onnx_network, kind: type = np.float32) -> Network:
        """The file in onnxruntime, or in what else opens it, fed and answering by the device's names in one type."""
        session = opened(self.content)
        taken = {theirs for theirs, _ in self.states.values()}
        feature = next(value.name for value in self.inputs if value.name not in taken)
        answer = self.answer or self.outputs[0].name

        def run(feed: Feed) -> Feed:
            states = {theirs: feed[ours] for ours, (theirs, _) in self.states.items()}
            given = session(self.cast({feature: self.feed(feed[INPUT_NAME]), **states}))
            renewed = {NEW + ours: given[theirs] for ours, (_, theirs) in self.states.items()}
            said = {OUTPUT_NAME: given[answer].reshape(1, *self.answer_shape), **renewed}
            return {name: x.astype(kind) for name, x in said.items()}

        return run

    def answers(self, inputs: np.ndarray) -> np.ndarray:
        """What the file says of features (N, ...), one after the other: (N, labels), or (N, ...) of a denoiser."""
        network = self.network()
        return np.concatenate([network({INPUT_NAME: x[None]})[OUTPUT_NAME] for x in inputs])


def named(value: Any) -> Any:
    """Name and shape of an input or output."""
    shape = tuple(dimension.dim_value for dimension in value.type.tensor_type.shape.dim)
    return SimpleNamespace(name=value.name, shape=shape)
