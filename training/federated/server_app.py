"""Flower's ServerApp: the rounds of a federation over SuperNodes. run-config: federation, roster, out, wait-s."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from edge.errors import UserError
from edge.guarded import NO_ROOM
from training.federated.config import Federation, read_federation
from training.federated.deployment import FAILED
from training.federated.loop import History, kept, only_one, serve_rounds, write_model
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
        with only_one(out):
            serve(federation, read_roster(Path(str(config["roster"]))), grid, out, float(config["wait-s"]))
    except (UserError, OSError) as error:
        reason = str(error)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            reason = f"{error.filename2 or error.filename} cannot be written ({error.strerror}): free some space"
        print(f"cry-train: error: {reason}", flush=True)
        with suppress(OSError):  # a full disk
            Path(str(config["out"]), FAILED).write_text(reason)
        raise SystemExit(1) from error


def serve(federation: Federation, roster: dict[str, bytes], grid: Grid, out: Path, wait_s: float) -> None:
    """The rounds, over SuperNodes."""
    claim_output_dir(out, federation)
    plan = federation.plan
    task = make_task({**federation.task, "marked": []}, federation.partition, plan, None, out)
    state, history, run = State.new(task.start, task.layout, plan), History(), secrets.token_hex(8)
    found = kept(out)
    if found:
        run, state, history = found
    carrier = OverFlower(grid, run)
    run_round = Round(plan, task.layout, task.identity, run, roster, carrier)

    def homes(number: int) -> list[str]:
        present = carrier.find_homes(roster, wait_s)
        if len(present) < plan.fewest_homes:
            raise UserError(
                f"{len(present)} homes are connected, {plan.fewest_homes} are needed; start their SuperNodes"
            )
        return present

    def evaluate(parameters: np.ndarray, number: int) -> dict[str, float]:
        return task.evaluate(parameters) if (number + 1) % federation.evaluate_every == 0 else {}

    state, history = serve_rounds(run_round, state, history, homes, evaluate, out, lambda line: print(line, flush=True))
    write_model(task, state.parameters, out, story(federation, history, len(roster)))
