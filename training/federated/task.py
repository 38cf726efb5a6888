"""What a federation teaches: found by its name, in the folder of the family whose model it is."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge.errors import UserError
from training.federated.layout import Layout, fingerprint
from training.federated.partition import Partition
from training.federated.plan import Plan

if TYPE_CHECKING:
    from training.federated.home import Learner

# Kind -> its module, which has make_task(settings, partition, plan, data, work) -> Task.
TASKS = {"adapters": "training.transformer.federated", "fusion": "training.verifier.federated"}


class Task(Protocol):
    """A model of which some tensors are learnt together, and the homes that learn. identity: its fingerprint."""

    layout: Layout
    identity: str
    start: np.ndarray  # (n,) what is known before

    @property
    def learners(self) -> dict[str, Learner]:
        """Every home's, by name."""

    def evaluate(self, parameters: np.ndarray) -> dict[str, float]:
        """macro_f1 and nll on recordings that are no home's; nothing where there are none."""

    def write(self, parameters: np.ndarray, out: Path, story: dict[str, Any]) -> None:
        """A source model, as edge-export takes it; story: what its model.json says of the federation."""


def make_task(table: dict[str, Any], partition: Partition, plan: Plan, data: Path | None, work: Path) -> Any:
    """The task of a table [task]. Raises UserError for an unknown kind or wrong settings."""
    settings = dict(table)
    kind = settings.pop("kind", None)
    if kind not in TASKS:
        raise UserError(f"task.kind is {kind!r}, it must be one of {', '.join(TASKS)}")
    return importlib.import_module(TASKS[kind]).make_task(settings, partition, plan, data, work)


def identity_of(layout: Layout, plan: Plan, fixed: list[np.ndarray], about: dict[str, Any]) -> str:
    """What homes compare before they take part: the model, what is not learnt of it, and the plan."""
    return fingerprint(layout, fixed, {**about, "plan": plan.about()})
