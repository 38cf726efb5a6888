"""Somebody's ONNX file as one that this project exports: fixed shapes, opset 13, float32, no branches.

inputs.py         shapes and values that a flag fixes
precision.py      half and double precision become float32
simplify.py       constants folded, branches that are decided taken, by onnxruntime
older_forms.py    operators of later opsets as opset 13 has them
"""

import onnx

from edge.engines.base import one_line
from edge.errors import UserError
from export.convert.onnx_fold import fold_scale_and_shift
from export.convert.onnx_import.inputs import fix_inputs
from export.convert.onnx_import.older_forms import with_older_forms, without_functions
from export.convert.onnx_import.precision import in_single_precision
from export.convert.onnx_import.simplify import simplified
from export.convert.quiet import quiet
from export.convert.rewrites.rewriter import OPSET, rewrite

QUANTISERS = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "MatMulInteger")

__all__ = ["fix_inputs", "import_onnx"]


def import_onnx(model: onnx.ModelProto, where: str) -> bytes:
    """The same network at opset 13. model: of fixed shapes, see fix_inputs. Raises UserError, naming `where`."""
    foreign = sorted({node.domain for node in model.graph.node} - {"", "ai.onnx"})
    if foreign:
        named = next(node for node in model.graph.node if node.domain in foreign)
        raise UserError(
            f"{where} has operators of {foreign[0]}, such as {named.op_type} ({named.name!r}): export it with "
            f"ONNX's own"
        )
    quantised = next((node for node in model.graph.node if node.op_type in QUANTISERS), None)
    if quantised is not None:
        raise UserError(f"{where} is quantised already ({quantised.op_type} {quantised.name!r}): name the float model")
    try:
        with quiet():
            model = with_older_forms(simplified(without_functions(in_single_precision(model))))
            check_opset(model, where)
            content = fold_scale_and_shift(rewrite(model.SerializeToString()))
    except UserError:
        raise
    except Exception as error:  # onnx and onnxruntime raise whatever is at hand
        raise UserError(f"{where} cannot be read as an ONNX network ({one_line(error)}): export it again") from error
    return content


def check_opset(model: onnx.ModelProto, where: str) -> None:
    """Raise UserError, naming an operator that is to blame, unless a model is one of opset 13."""
    opset = max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset == OPSET:
        return
    for node in model.graph.node:
        since = onnx.defs.get_schema(node.op_type, opset, "").since_version
        if since > OPSET and not onnx.defs.has(node.op_type, OPSET):
            raise UserError(
                f"{where} is of opset {opset}, and its operator {node.op_type} ({node.name!r}) is not in {OPSET}: "
                f"export it with opset_version={OPSET}, or leave it out of the model (a spectrum can be the feature)"
            )
    raise UserError(f"{where} is of opset {opset} and cannot be taken to {OPSET}: export it with opset_version={OPSET}")
