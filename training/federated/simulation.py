"""Every home in this process: the same homes, messages and rounds as over a network, without one."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import UserError
from training.federated.config import Federation
from training.federated.home import BEGIN, MEMBERS, TRAIN, UNMASK, Home
from training.federated.keys import Identity
from training.federated.loop import History, Say, federate, keep, kept, write_model
from training.federated.masking import SURVIVORS
from training.federated.rounds import Round, State
from training.runs.folds import claim_output_dir

STEPS = (BEGIN, MEMBERS, TRAIN, SURVIVORS, UNMASK)
DRAWS_OF_SILENCE = 1  # beside the seed and the round: another stream than that of the homes that are asked


class InProcess:
    """Carries messages to homes in this process; some fall silent, each from some step of a round on."""

    def __init__(self, homes: dict[str, Home], silent_share: float, seed: int):
        self.homes, self.silent_share, self.seed = homes, silent_share, seed
        self.silent_from: dict[str, int] = {}

    def begin(self, number: int) -> None:
        """Draw who falls silent in this round."""
        rng = np.random.default_rng([self.seed, number, DRAWS_OF_SILENCE])
        self.silent_from = {
            name: int(rng.integers(len(STEPS))) for name in sorted(self.homes) if rng.random() < self.silent_share
        }

    def __call__(self, kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
        """The answers of the homes that are not silent."""
        heard = [name for name in messages if STEPS.index(kind) < self.silent_from.get(name, len(STEPS))]
        return {name: self.homes[name].answer(messages[name]) for name in heard}


def simulate(federation: Federation, task: Any, out: Path, say: Say = print) -> tuple[State, History]:
    """Run what is not yet done of a federation, and write the model into out/model.

    out: experiment.json, kept.npz, model/. Raises UserError when `out` holds another federation.
    """
    plan, run = federation.plan, secrets.token_hex(8)
    homes = make_homes(task, plan, run)
    if len(homes) < plan.fewest_homes:
        raise UserError(
            f"there are {len(homes)} homes, {plan.fewest_homes} are needed: name them, or recordings with --data"
        )
    claim_output_dir(out, federation)
    state, history = State.new(task.start, task.layout, plan), History()
    found = kept(out, homes.values())
    if found:
        run, state, history = found
        for home in homes.values():
            home.run = run
    carrier = InProcess(homes, federation.silent_share, plan.seed)
    roster = {name: home.identity.public for name, home in homes.items()}
    run_round = Round(plan, task.layout, task.identity, run, roster, carrier)

    def ready(number: int) -> dict[str, Home]:
        carrier.begin(number)
        return homes

    def evaluate(parameters: np.ndarray, number: int) -> dict[str, float]:
        is_due = (number + 1) % federation.evaluate_every == 0 or number + 1 == plan.rounds
        return task.evaluate(parameters) if is_due else {}

    state, history = federate(
        run_round, state, history, ready, evaluate, lambda s, h: keep(out, run, s, h, homes.values()), say
    )
    write_model(task, state.parameters, out, story(federation, history, len(homes)))
    return state, history


def make_homes(task: Any, plan: Any, run: str) -> dict[str, Home]:
    """A home for each learner, with identities that live as long as this process."""
    identities = {name: Identity() for name in task.learners}
    roster = {name: identity.public for name, identity in identities.items()}
    return {name: Home(name, identities[name], roster, learner, plan, run) for name, learner in task.learners.items()}


def story(federation: Federation, history: History, homes: int) -> dict[str, Any]:
    """What model.json says of how it was learnt."""
    return {
        "federation": federation.name,
        "homes": homes,
        "rounds": len([entry for entry in history if not entry["failed"]]),
        "up_bytes": sum(entry["up_bytes"] for entry in history),
        "plan": federation.plan.about(),
    }
