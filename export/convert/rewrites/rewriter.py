"""All rewrites of an ONNX file, in order."""

import onnx

from export.convert.rewrites.one_dimension import make_two_dimensional
from export.convert.rewrites.primitives import lower_to_primitives
from export.convert.rewrites.shapes import drop_unused, fold_shapes, infer_shapes

OPSET = 13
IR_VERSION = 7


def rewrite(content: bytes) -> bytes:
    """Rewrite an ONNX file into operators that TensorRT 8.2 imports; its inputs, outputs and answers stay the same.

    Lowers layer normalisation, GELU and the like to primitives, takes opset and IR version down to 13 and 7, folds
    the arithmetic of fixed shapes, and makes 1-D convolutions and poolings 2-D. What it cannot rewrite it leaves, for
    lint() to name. Call it on what the converter gives, before quantising. Nodes in subgraphs are left alone.
    """
    model = infer_shapes(onnx.load_from_string(content))
    lower_to_primitives(model)
    model = at_opset_13(model)
    model = fold_shapes(model)
    make_two_dimensional(model)
    drop_unused(model.graph)
    del model.graph.value_info[:]  # what was inferred on the way: it may name tensors that are gone
    return model.SerializeToString()


def at_opset_13(model: onnx.ModelProto) -> onnx.ModelProto:
    """A newer model as one of opset 13, when every node means the same there; else the model as it is.

    Most later opsets only added types and attributes: what uses none of them passes ONNX's checker. ONNX's own
    version converter does not go back from 14.
    """
    older = onnx.ModelProto.FromString(model.SerializeToString())
    for entry in older.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = min(entry.version, OPSET)
    older.ir_version = min(older.ir_version, IR_VERSION)
    try:
        onnx.checker.check_model(older, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return model
    return older
