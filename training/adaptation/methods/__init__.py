"""How a model is adapted: one file for each method, found by its name, which holds `class Method(Adaptation)`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from edge.errors import UserError


def method_names() -> tuple[str, ...]:
    """The methods that there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def find_method(name: str) -> Any:
    """The Adaptation of that name. Raises UserError."""
    if name not in method_names():
        raise UserError(f"method is {name!r}, it must be one of {', '.join(method_names())}")
    return importlib.import_module(f"{__name__}.{name}").Method
