"""Would TensorRT build an engine from this ONNX file? Asked on the host, where no TensorRT is installed.

operators.py reads the table of what each version imports, graph.py what is known of every tensor, rules.py and
restrictions.py decide; dla.py says what the accelerator of a Xavier or an Orin leaves to the GPU. Depends on
edge.errors and onnx only.
"""

from export.tensorrt_lint.dla import dla_findings
from export.tensorrt_lint.finding import Finding
from export.tensorrt_lint.linter import lint
from export.tensorrt_lint.operators import VERSIONS, find_version

__all__ = ["VERSIONS", "Finding", "dla_findings", "find_version", "lint"]
