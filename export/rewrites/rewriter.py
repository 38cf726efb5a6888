"""All rewrites of an ONNX file, in order."""

import onnx

from export.rewrites.one_dimension import make_two_dimensional
from export.rewrites.primitives import lower_to_primitives
from export.rewrites.shapes import drop_unused, fold_shapes, infer_shapes

OPSET = 13
IR_VERSION = 7


def rewrite(content: bytes) -> bytes:
    """Rewrite an ONNX file into operators that TensorRT 8.2 imports; its inputs, outputs and answers stay the same.

    Lowers layer normalisation, GELU and the like to primitives, takes opset and IR version down to 13 and 7, folds
    the arithmetic of fixed shapes, and makes 1-D convolutions and poolings 2-D. What it cannot rewrite it leaves, for
    lint() to name. Call it on what the converter gives, before quantising. Nodes in subgraphs are left alone.

    Raises onnx.checker.ValidationError when the file is not valid ONNX, also after this.
    """
    model = infer_shapes(onnx.load_from_string(content))
    lower_to_primitives(model)
    model = at_opset_13(model)
    model = fold_shapes(model)
    make_two_dimensional(model)
    drop_unused(model.graph)
    model.ir_version = min(model.ir_version, IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def at_opset_13(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model at opset 13, by ONNX's own converter; unchanged where that knows no way."""
    if any(entry.version == OPSET for entry in model.opset_import if entry.domain in ("", "ai.onnx")):
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except (RuntimeError, onnx.version_converter.ConvertError):
        return model
