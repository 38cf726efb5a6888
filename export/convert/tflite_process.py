"""TensorFlow's TFLite converter in a process of its own: what crashes there is named here.

The process converts one SavedModel after the other; files pass between the two in a folder. Run as a module, this file
is that process.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.child_process import Child, Job, serve
from export.convert.layer_names import is_within, layer_of_tensor
from export.convert.tflite_float_kernels import with_float_kernels
from export.convert.tflite_rsqrt import with_roots_of_more_than_zero
from export.networks import Feed

CALIBRATED = ("int8", "int16x8")


class ConverterRefusal(Exception):
    """The converter's own error."""


class ConverterProcess(Child):
    """One child that converts."""

    def __init__(self) -> None:
        super().__init__("export.convert.tflite_process")

    def convert(
        self,
        saved_model: Path,
        precision: str,
        feeds: Sequence[Feed] | None,
        int8: Sequence[str] | None,
        in_float: Sequence[str] = (),
        layers: Sequence[str] = (),
    ) -> bytes:
        """The TFLite file of a SavedModel. int8: the operators that become so; None: all. in_float: of `layers`, those
        that do not.

        Raises Crash or ConverterRefusal.
        """
        with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
            out, inputs = Path(folder) / "model.tflite", Path(folder) / "feeds.npz"
            job = {
                "saved_model": str(saved_model),
                "precision": precision,
                "int8": int8 and list(int8),
                "in_float": list(in_float),
                "layers": list(layers),
                "out": str(out),
            }
            if feeds and precision in CALIBRATED:
                job["feeds"] = str(inputs)
                arrays: dict[str, Any] = {f"{n}:{name}": a for n, feed in enumerate(feeds) for name, a in feed.items()}
                np.savez(inputs, **arrays)
            answer = self.ask(job)
            if "error" in answer:
                raise ConverterRefusal(answer["error"])
            return out.read_bytes()


CONVERTER = ConverterProcess()


def answer_to(job: Job) -> Job:
    """Write the TFLite file that a job asks for, or say why there is none."""
    try:
        Path(job["out"]).write_bytes(with_roots_of_more_than_zero(converted(job)))
        return {}
    except Exception as error:  # the converter has no exception of its own for what it cannot convert
        return {"error": str(error) or type(error).__name__}


def converted(job: dict[str, Any]) -> bytes:
    """The bytes of the TFLite file that a job asks for."""
    import tensorflow as tf

    converter = converter_of(job)
    if job["precision"] == "dynamic":
        fp32 = converter.convert()
        converter = converter_of(job)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        return with_float_kernels(converter.convert(), fp32)
    if job["precision"] != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if job["precision"] == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if job["precision"] in CALIBRATED:
        feeds = read_feeds(job["feeds"])
        converter.representative_dataset = lambda: iter(feeds)
        ops = tf.lite.OpsSet
        if job["precision"] == "int16x8":
            converter.target_spec.supported_ops = [ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        elif job["int8"] is not None or job["in_float"]:
            return partly_int8(converter, job["int8"], job["in_float"], job["layers"])
        else:
            converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
    return converter.convert()


def converter_of(job: dict[str, Any]) -> Any:
    """The converter of a job's SavedModel, to float32 as long as nothing else is asked."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(job["saved_model"])
    # Per-channel dense layers need an operator version that tflite-runtime 2.14 rejects.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return converter


def read_feeds(path: str) -> list[Feed]:
    """The feeds in their order."""
    feeds: dict[int, Feed] = {}
    with np.load(path) as stored:
        for key in stored.files:
            number, _, name = key.partition(":")
            feeds.setdefault(int(number), {})[name] = stored[key]
    return [feeds[number] for number in sorted(feeds)]


def partly_int8(
    converter: Any, operators: Sequence[str] | None, in_float: Sequence[str], layers: Sequence[str]
) -> bytes:
    """The file of a converter that is set to quantise, with all but some operators, and some layers, left in float."""
    import tensorflow as tf
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator

    others = [name for name in vars(BuiltinOperator) if name.isupper() and name not in (operators or ())]
    # The debugger is TensorFlow's one public way to quantise some operators and not others.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=others if operators else [])
    debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_options=options)
    content = debugger.get_nondebug_quantized_model()
    if not in_float:
        return content
    options.denylisted_nodes = [
        name for name in computed_tensors(content) if is_within(layer_of_tensor(name, layers), in_float)
    ]
    debugger.options = options  # it converts anew, with what it has calibrated
    return debugger.get_nondebug_quantized_model()


def computed_tensors(content: bytes) -> list[str]:
    """The names of all that the operators of a TFLite file compute."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    names = {details["index"]: details["name"] for details in interpreter.get_tensor_details()}
    return [names[index] for row in interpreter._get_ops_details() for index in row["outputs"] if index in names]


if __name__ == "__main__":
    import tensorflow as tf  # noqa: F401  before the first job, while whoever asks loads the model

    serve(answer_to)
