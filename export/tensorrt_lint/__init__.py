"""Would TensorRT build an engine from this ONNX file? Asked on the host, where no TensorRT is installed.

operators.py reads the table of what each version imports, graph.py what is known of every tensor, rules.py and
restrictions.py decide. Depends on edge.errors and onnx only.
"""

from export.tensorrt_lint.finding import Finding
from export.tensorrt_lint.linter import lint
from export.tensorrt_lint.operators import VERSIONS

__all__ = ["VERSIONS", "Finding", "lint"]
