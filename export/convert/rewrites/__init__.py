"""Rewrites of what TensorRT 8.2 does not import into what it does, without changing an answer.

rewriter.py applies those of an ONNX file in order: primitives.py, shapes.py, one_dimension.py. recurrent.py makes
one step of a recurrent Keras model. Nothing here asks which TensorRT is meant: what comes out suits all.
"""

from export.convert.rewrites.recurrent import one_step
from export.convert.rewrites.rewriter import rewrite

__all__ = ["one_step", "rewrite"]
