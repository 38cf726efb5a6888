"""What onnxruntime makes simpler before it runs a network: constants, decided branches, batch norms in convolutions."""

import tempfile
from pathlib import Path

import onnx

BEFORE = ("LayerNormFusion", "GeluFusionL1")  # what would be of a later opset, or is made primitive again after


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network in fewer of ONNX's own operators; every shape can be told afterwards."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory(prefix="edge-export-") as folder:
        options.optimized_model_filepath = str(Path(folder) / "simplified.onnx")
        onnxruntime.InferenceSession(
            model.SerializeToString(), options, ["CPUExecutionProvider"], disabled_optimizers=list(BEFORE)
        )
        result = onnx.load(options.optimized_model_filepath)
    del result.metadata_props[:]
    own = [entry for entry in result.opset_import if entry.domain in ("", "ai.onnx")]
    del result.opset_import[:]
    result.opset_import.extend(own)  # onnxruntime names all domains that it knows
    result.functions.clear() if hasattr(result.functions, "clear") else None
    return result
