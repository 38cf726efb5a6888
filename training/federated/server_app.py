"""Flower's ServerApp: the rounds of a federation over SuperNodes. run-config: federation, roster, out, wait-s."""

from __future__ import annotations

import dataclasses
import secrets
from pathlib import Path

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from edge.errors import UserError
from training.federated.config import Federation, read_federation
from training.federated.loop import History, federate, keep, kept
from training.federated.roster import read_roster
from training.federated.rounds import Round, State
from training.federated.simulation import story
from training.federated.strategy import OverFlower
from training.federated.task import make_task
from training.runs.folds import claim_output_dir

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run what is not yet done of the federation, and write the model into out/model; errors are one line."""
    config = context.run_config
    try:
        federation, out = read_federation(Path(str(config["federation"]))), Path(str(config["out"]))
        serve(federation, read_roster(Path(str(config["roster"]))), grid, out, float(config["wait-s"]))
    except UserError as error:
        print(f"cry-train: error: {error}", flush=True)
        raise SystemExit(1) from error


def serve(federation: Federation, roster: dict[str, bytes], grid: Grid, out: Path, wait_s: float) -> None:
    """The rounds. A cut in the middle of one costs that one: homes train once in a round of any number."""
    claim_output_dir(out, federation)
    plan = federation.plan
    task = make_task({**federation.task, "marked": []}, federation.partition, plan, None, out)
    state, history, run = State.new(task.start, task.layout, plan), History(), secrets.token_hex(8)
    found = kept(out)
    if found:
        run, state, history = found
    carrier = OverFlower(grid, run)
    run_round = Round(plan, task.layout, task.identity, run, roster, carrier)
    current = [state]

    def homes(number: int) -> list[str]:
        present = carrier.find_homes(roster, wait_s)
        if len(present) < plan.fewest_homes:
            raise UserError(
                f"{len(present)} homes are connected, {plan.fewest_homes} are needed; start their SuperNodes"
            )
        keep(out, run, dataclasses.replace(current[0], round=number + 1), history)
        return present

    def evaluate(parameters: np.ndarray, number: int) -> dict[str, float]:
        return task.evaluate(parameters) if (number + 1) % federation.evaluate_every == 0 else {}

    def after_round(state: State, history: History) -> None:
        current[0] = state
        keep(out, run, state, history)

    state, history = federate(
        run_round, state, history, homes, evaluate, after_round, lambda line: print(line, flush=True)
    )
    task.write(state.parameters, out / "model", story(federation, history, len(roster)))
