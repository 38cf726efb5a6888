"""Ways in which homes may learn, for the studies: together, round by round; each alone; all sounds in one place."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.studies.federation_harm import HarmfulHome
from training.federated.home import Home
from training.federated.keys import Identity
from training.federated.loop import asked
from training.federated.optimisation import train_locally
from training.federated.plan import Plan
from training.federated.privacy import epsilon
from training.federated.rounds import Round, State

Curve = dict[str, Any]


def together(task: Any, learners: dict[str, Any], plan: Plan, every: int, harm: dict[str, Any] | None = None) -> Curve:
    """A federation: what every so many rounds reach, the rounds that nothing came of, and the epsilon spent.

    harm: what the first home does as a HarmfulHome.
    """
    identities = {name: Identity() for name in learners}
    roster = {name: identity.public for name, identity in identities.items()}
    homes = {name: Home(name, identities[name], roster, learners[name], plan, "study") for name in learners}
    if harm:
        name = min(homes)
        homes[name] = HarmfulHome(name, identities[name], roster, learners[name], plan, "study", **harm)

    def exchange(kind: str, messages: dict[str, bytes]) -> dict[str, bytes]:
        return {name: homes[name].answer(data) for name, data in messages.items()}

    run_round = Round(plan, task.layout, task.identity, "study", roster, exchange)
    state, curve, spoilt = State.new(task.start, task.layout, plan), [], 0
    while state.round < plan.rounds:
        state, report = run_round(state, asked(plan, state.round, homes))
        assert not report.rejected and (harm or not report.failed), report
        spoilt += bool(report.failed)
        if state.round % every == 0:
            curve.append({"round": state.round, **task.evaluate(state.parameters)})
    spent = epsilon(plan, plan.rounds, len(homes))
    return {"curve": curve, "spoilt": spoilt, **({"epsilon": spent} if np.isfinite(spent) else {})}


def alone(task: Any, learners: dict[str, Any], plan: Plan) -> Curve:
    """Every home for itself, for as many steps as it would have had: the mean of what each reaches."""
    local = dataclasses.replace(plan.local, control_variates=False, proximal=0.0)
    zero, found = np.zeros(task.layout.size, np.float32), []
    steps = dataclasses.replace(local, steps=local.steps * plan.rounds * plan.homes_per_round // len(learners))
    for number, learner in enumerate(learners.values()):
        rng = np.random.default_rng([plan.seed, number])
        after = train_locally(task.start, lambda y, _, own=learner, r=rng: own.gradient(y, r), steps, zero, zero)
        found.append(task.evaluate(after))
    mean = {name: float(np.mean([each[name] for each in found])) for name in found[0]}
    return {"curve": [{"round": plan.rounds, **mean}]}


def in_one_place(task: Any, everything: Any, plan: Plan, every: int) -> Curve:
    """One learner of all sounds: as many steps, each on as many as all homes of a round have together."""
    everything.batch_size = plan.batch_size * plan.homes_per_round
    local = dataclasses.replace(plan.local, control_variates=False, proximal=0.0)
    zero, y, curve = np.zeros(task.layout.size, np.float32), task.start, []
    rng = np.random.default_rng(plan.seed)
    for number in range(1, plan.rounds + 1):
        y = train_locally(y, lambda at, _: everything.gradient(at, rng), local, zero, zero)
        if number % every == 0:
            curve.append({"round": number, **task.evaluate(y)})
    return {"curve": curve}


def by_seed(work: Path, seeds: int, run: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    """What run finds with each seed, kept when it is done; what is left costs as much as the first, which is said."""
    work.mkdir(parents=True, exist_ok=True)
    files = [work / f"seed{seed}.json" for seed in range(seeds)]
    left = [seed for seed, file in enumerate(files) if not file.is_file()]
    for done, seed in enumerate(left, start=1):
        began = time.process_time()
        files[seed].write_text(json.dumps(run(seed)))
        minutes = (time.process_time() - began) / 60
        print(f"seed {seed}: {minutes:.1f} min of a core, {len(left) - done} more seeds", flush=True)
    return [json.loads(file.read_text()) for file in files]
