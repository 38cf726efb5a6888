"""Rewrites of what TensorRT 8.2 does not import into what it does, without changing an answer."""

from export.rewrites.rewriter import rewrite

__all__ = ["rewrite"]
