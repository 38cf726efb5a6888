"""Experiments as TOML: a table's entries become a frozen dataclass, each checked, and an error names the key."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from edge.errors import UserError
from edge.untrusted import read_toml

Made = TypeVar("Made")


def read_table(path: Path, make: Callable[[dict[str, Any], str], Made]) -> Made:
    """make(table, name of the file) of a TOML file. Raises UserError that says what to do."""
    try:
        table = read_toml(path)
    except UserError as error:
        raise UserError(f"cannot read the experiment: {error}; name a TOML file with --config") from error
    return make(table, str(path))


def as_table(experiment: Any) -> dict[str, Any]:
    """The experiment with every default filled in, as JSON has it."""
    return dataclasses.asdict(experiment)


def of_table(kind: type, table: Any, prefix: str) -> Any:
    """A dataclass of a table's entries, each checked for its type. Raises UserError."""
    if not isinstance(table, dict):
        raise UserError(f"{prefix.rstrip('.')} is {table!r}, it must be a table [{prefix.rstrip('.')}]")
    hints = typing.get_type_hints(kind)
    unknown = sorted(table.keys() - hints.keys())
    if unknown:
        raise UserError(f"unknown key {prefix}{unknown[0]}; there are {', '.join(prefix + name for name in hints)}")
    required = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in table]
    if missing:
        raise UserError(f"{prefix}{missing[0]} is missing, it has no default")
    return kind(**{name: value_of(hints[name], value, prefix + name) for name, value in table.items()})


def value_of(hint: Any, value: Any, name: str) -> Any:
    """A TOML value as its type. Raises UserError."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return of_table(hint, value, f"{name}.")
    kinds = [typing.get_origin(kind) or kind for kind in (typing.get_args(hint) if is_union(hint) else (hint,))]
    if isinstance(value, list) and any(kind is not str and hasattr(kind, "__iter__") for kind in kinds):
        entry = next(typing.get_args(kind)[0] for kind in union_members(hint) if typing.get_args(kind))
        return tuple(value_of(entry, each, name) for each in value)
    if isinstance(value, bool) == (bool in kinds) and isinstance(value, tuple(kinds)):
        return value
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = " or ".join("a list" if hasattr(k, "__iter__") and k is not str else k.__name__ for k in kinds)
    raise UserError(f"{name} is {value!r}, it must be {wanted}")


def is_union(hint: Any) -> bool:
    """Whether a type hint is A | B."""
    return len(union_members(hint)) > 1


def union_members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type hint."""
    return typing.get_args(hint) if isinstance(hint, type(int | str)) else (hint,)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless the value is one of those allowed."""
    if value not in allowed:
        raise UserError(f"{name} is {value!r}, it must be one of {', '.join(allowed)}")


def between(name: str, value: float, low: float, high: float) -> None:
    """Raise UserError unless low <= value <= high."""
    if not low <= value <= high:
        raise UserError(f"{name} is {value}, it must be from {low} to {high}")
