"""How denoiser and Transformer are taught: one file for each kind of stage, found by its name in `fit.stages`.

A file KIND.py holds `class Stage(TransformerStage)`, which says where it differs from teaching the classifier its
labels.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any


def stage_kinds() -> tuple[str, ...]:
    """The kinds of stages that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find_stage(kind: str) -> Any:
    """The TransformerStage of a kind."""
    return importlib.import_module(f"{__name__}.{kind}").Stage
