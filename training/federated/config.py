"""One federation, one TOML file: [task], [plan], [plan.local], [partition]."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.errors import UserError
from training.federated.partition import Partition
from training.federated.plan import Plan
from training.runs.toml_config import between, of_table, read_table


@dataclass(frozen=True)
class Federation:
    """All of it. task: kind, and the settings of that kind."""

    name: str
    task: dict[str, Any]
    plan: Plan
    partition: Partition = field(default_factory=Partition)
    silent_share: float = 0.0  # of the homes of a simulated round, those that fall silent somewhere in it
    evaluate_every: int = 1  # rounds

    def __post_init__(self) -> None:
        """Raise UserError for values out of range."""
        between("silent_share", self.silent_share, 0, 1)
        between("evaluate_every", self.evaluate_every, 1, 10_000)


def read_federation(path: Path) -> Federation:
    """The federation of a TOML file. Raises UserError that names the key, its value and what it may be."""
    return read_table(path, federation_of)


def federation_of(table: dict[str, Any], source: str) -> Federation:
    """The federation that a table describes; source: what an error names."""
    try:
        return of_table(Federation, table, "")
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
