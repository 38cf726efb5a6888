"""What a flag says of a network's inputs: the sizes that its file leaves open, and inputs that are constants."""

import numpy as np
import onnx

from edge.errors import UserError
from export.convert.onnx_import.branches import with_decided_branches
from export.fixed_inputs import Fixed


def fix_inputs(model: onnx.ModelProto, fixed: Fixed, where: str) -> onnx.ModelProto:
    """The model with every input of a fixed shape; a first size that is open is the batch, 1. Raises UserError."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    stored = {proto.name for proto in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]  # older files list their weights too
    names = [value.name for value in inputs]
    for name in (*fixed.shapes, *fixed.values):
        if name not in names:
            raise UserError(f"{where} has no input {name!r}: its inputs are {', '.join(names)}")
    del graph.input[:]
    for value in inputs:
        if value.name in fixed.values:
            store_value(graph, value, fixed.values[value.name])
        else:
            fix_shape(value, fixed.shapes.get(value.name), where)
            graph.input.append(value)
    del graph.value_info[:]  # it may tell of sizes that are open
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    return with_decided_branches(model)


def store_value(graph: onnx.GraphProto, value: onnx.ValueInfoProto, number: float) -> None:
    """An initialiser in the place of an input."""
    kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
    shape = [max(1, dimension.dim_value) for dimension in value.type.tensor_type.shape.dim]
    graph.initializer.append(onnx.numpy_helper.from_array(np.full(shape, number, kind), value.name))


def fix_shape(value: onnx.ValueInfoProto, given: tuple[int, ...] | None, where: str) -> None:
    """Give an input the shape of the flag, or batch 1. Raises UserError where a size stays open."""
    kind = value.type.tensor_type
    sizes = [dimension.dim_value if dimension.dim_value > 0 else None for dimension in kind.shape.dim]
    if given is not None:
        fits = len(sizes) in (0, len(given)) and all(
            size in (None, wanted) for size, wanted in zip(sizes, given, strict=False)
        )
        if not fits:
            raise UserError(f"{where}: input {value.name!r} has the shape {shown(value)}, {list(given)} does not fit")
        wanted = list(given)
    else:
        wanted = [1, *sizes[1:]] if sizes and sizes[0] is None else sizes
        if None in wanted:
            known = ",".join("N" if size is None else str(size) for size in wanted)
            raise UserError(
                f"{where}: input {value.name!r} has the shape {shown(value)}, open in more than batch: give "
                f"--input-shape {value.name}={known}, with a size for each N"
            )
    kind.ClearField("shape")
    kind.shape.SetInParent()
    for size in wanted:
        kind.shape.dim.add().dim_value = size


def shown(value: onnx.ValueInfoProto) -> str:
    """A shape as its file has it."""
    return f"({', '.join(d.dim_param or str(d.dim_value or '?') for d in value.type.tensor_type.shape.dim)})"
