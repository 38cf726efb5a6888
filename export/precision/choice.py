"""Which layers int8 had best leave in float: the most sensitive, as few as keep the bounds."""

from collections.abc import Iterator

from export.convert.files import Conversion, node_names
from export.convert.onnx_int8 import PRODUCTS, quantise
from export.networks import answers, onnx_network, state_shapes
from export.parity.evidence import Evidence
from export.targets import Bounds

MOST_SHARE = 0.5  # of the layers: with more of them in float, another precision is as good
MOST_WEIGHTS = 0.25  # of all: with more of them in float, a file of dynamic range is smaller by far
FEW_WEIGHTS = 100_000  # take little room in float too
MOST_TRIES = 2  # conversions


def layers_to_leave(conversion: Conversion, evidence: Evidence, bounds: Bounds) -> Iterator[tuple[str, ...]]:
    """Sets of layers to try, the smallest first; none that would make most of the file float.

    Whether a set will do is seen on a Q/DQ file in onnxruntime, which is made in a moment and errs no more than a file
    whose every operator is int8.
    """
    model = evidence.model
    order = [one.layer for one in conversion.layers if one.int8_error]
    sizes = {one.layer: one.parameters for one in conversion.layers}
    most = int(MOST_SHARE * len(order))
    tries, n = 0, 1
    while n <= most and tries < MOST_TRIES:
        chosen = tuple(dict.fromkeys((*conversion.in_float, *order[:n])))
        in_float = sum(sizes.get(layer, 0) for layer in chosen)
        if in_float > max(FEW_WEIGHTS, MOST_WEIGHTS * sum(sizes.values())):
            return
        spared = node_names(conversion.fp32_onnx, model, chosen)
        content = quantise(conversion.fp32_onnx, evidence.feeds, PRODUCTS, spared).content
        got = answers(onnx_network(content), evidence.streams, state_shapes(model.fixed))
        if not evidence.comparison.violations(evidence.comparison.compare(evidence.reference, got).parity, bounds):
            tries += 1
            yield chosen
        n *= 2
