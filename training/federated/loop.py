"""Round after round, whatever carries the messages; what an interrupted federation goes on from."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import UserError
from edge.files import naming, read_regular
from edge.untrusted import parse_json, read_arrays
from training.federated.home import Home
from training.federated.plan import Plan
from training.federated.privacy import epsilon
from training.federated.rounds import DOWN, UP, Report, Round, State

KEPT, MODEL = "kept.npz", "model"
KEPT_AT_MOST = 1 << 34  # bytes
ADVICE = "delete it to begin this federation anew"
BEGIN_ANEW = "mend that, and begin anew with another --out"
History = list[dict[str, Any]]
Say = Callable[[str], None]


@contextmanager
def only_one(out: Path) -> Iterator[None]:
    """For as long as a federation runs in a folder. Raises UserError when another one does."""
    handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise UserError(f"a federation is running in {out} already; run this again when that one has ended") from error
    except OSError:  # a file system without locks
        pass
    try:
        yield
    finally:
        os.close(handle)


def asked(plan: Plan, number: int, homes: Iterable[str]) -> list[str]:
    """The homes of a round, drawn by its number."""
    names = sorted(homes)
    rng = np.random.default_rng([plan.seed, number])
    return sorted(rng.permutation(names)[: plan.homes_per_round].tolist())


def federate(
    run_round: Round,
    state: State,
    history: History,
    homes: Callable[[int], Iterable[str]],
    evaluate: Callable[[np.ndarray, int], dict[str, float]],
    after_round: Callable[[State, History], None],
    say: Say,
) -> tuple[State, History]:
    """The state after all rounds of the plan, and what each said of itself. homes(number): those that can be asked.

    Raises UserError when nothing came of any round.
    """
    plan = run_round.plan
    while state.round < plan.rounds:
        state, report = run_round(state, asked(plan, state.round, homes(state.round)))
        scores = evaluate(state.parameters, report.round)
        spent = epsilon(plan, len(state.completed), len(run_round.roster))
        history.append(entry(report, scores, spent))
        after_round(state, history)
        say(line(history[-1], plan.rounds))
    if not state.completed:
        last = (history or [{}])[-1].get("failed") or "each was cut"
        raise UserError(f"nothing was learnt, for nothing came of any of {plan.rounds} rounds: {last}; {BEGIN_ANEW}")
    return state, history


def serve_rounds(
    run_round: Round,
    state: State,
    history: History,
    homes: Callable[[int], Iterable[str]],
    evaluate: Callable[[np.ndarray, int], dict[str, float]],
    out: Path,
    say: Say,
) -> tuple[State, History]:
    """federate() for homes that live elsewhere, kept in `out`. A cut in the middle of a round costs that round.

    A round's number is kept as taken before the round begins: homes answer each number once.
    """
    current = [state]

    def marked(number: int) -> Iterable[str]:
        present = homes(number)
        keep(out, run_round.run, replace(current[0], round=number + 1), history)
        return present

    def after_round(state: State, history: History) -> None:
        current[0] = state
        keep(out, run_round.run, state, history)

    return federate(run_round, state, history, marked, evaluate, after_round, say)


def entry(report: Report, scores: dict[str, float], spent: float) -> dict[str, Any]:
    """What is kept of a round."""
    return {
        "round": report.round,
        "asked": len(report.asked),
        "counted": len(report.counted),
        "up_bytes": round(report.per_home(UP)),
        "down_bytes": round(report.per_home(DOWN)),
        "rejected": report.rejected,
        "failed": report.failed,
        **({"epsilon": spent} if np.isfinite(spent) else {}),
        **scores,
    }


def line(entry: dict[str, Any], rounds: int) -> str:
    """What a person reads of a round."""
    found = f"round {entry['round'] + 1}/{rounds}: {entry['counted']} of {entry['asked']} homes"
    found += f", {entry['up_bytes'] / 1e6:.3f} MB up and {entry['down_bytes'] / 1e6:.3f} MB down each"
    if "macro_f1" in entry:
        found += f", macro-F1 {entry['macro_f1']:.3f}, NLL {entry['nll']:.3f}"
    if "epsilon" in entry:
        found += f", epsilon {entry['epsilon']:.2f}"
    if entry["failed"]:
        found += f"; nothing came of it: {entry['failed']}"
    return found + "".join(f"\n  {reason}" for reason in entry["rejected"])


def keep(folder: Path, run: str, state: State, history: History, homes: Iterable[Home] = ()) -> None:
    """Write all that a federation goes on from, or nothing of it; homes: where they live in this process."""
    of_homes: dict[str, Any] = {}
    known = {"run": run, "round": state.round, "completed": state.completed, "history": history, "homes": of_homes}
    arrays = {"parameters": state.parameters, "control": state.control, "ranges": state.ranges}
    for home in homes:
        of_homes[home.name] = {"trained_in": home.trained_in, "is_pending": home.pending is not None}
        arrays[f"control {home.name}"] = home.control
        if home.pending is not None:
            arrays[f"pending {home.name}"] = home.pending
    partial = folder / f".{KEPT}.partial.npz"
    with naming(partial), partial.open("wb") as file:
        np.savez(file, known=np.array(json.dumps(known)), **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / KEPT)


def write_model(task: Any, parameters: np.ndarray, out: Path, story: dict[str, Any]) -> None:
    """The task's model in out/model, or what was there before."""
    partial = out / f".{MODEL}.partial"
    try:
        task.write(parameters, partial, story)
        shutil.rmtree(out / MODEL, ignore_errors=True)
        partial.rename(out / MODEL)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def kept(folder: Path, homes: Iterable[Home] = ()) -> tuple[str, State, History] | None:
    """The run's name, state and history that keep() wrote, and the homes as they were; None where there is nothing."""
    file = folder / KEPT
    if not file.is_file():
        return None
    content = read_regular(file, KEPT_AT_MOST)

    def arrays(*names: str) -> list[np.ndarray]:
        return list(read_arrays(content, names, str(file), KEPT_AT_MOST, ADVICE).values())

    known = parse_json(str(arrays("known")[0]).encode(), str(file), advice=ADVICE, finite=False)
    try:
        for home in homes:
            own = known["homes"][home.name]
            (home.control,), home.trained_in = arrays(f"control {home.name}"), own["trained_in"]
            home.pending = arrays(f"pending {home.name}")[0] if own["is_pending"] else None
        parameters, control, ranges = arrays("parameters", "control", "ranges")
        state = State(parameters, control, ranges, known["round"], known["completed"])
        return known["run"], state, known["history"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{file} lacks {error}; {ADVICE}") from error
