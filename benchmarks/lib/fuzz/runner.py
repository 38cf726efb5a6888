"""Lets workers try cases for a while, and sees what no worker can say of itself: that it died, or does not end."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.lib.fuzz.targets import TARGETS

REPOSITORY = Path(__file__).parents[3]
HANGS_S = 60.0  # a case takes some milliseconds; a busy machine takes its time
STARTS_S = 300.0
SAYS_WHERE_S = 1.0


@dataclass
class Tally:
    """What came of the cases of one target."""

    cases: int = 0
    read: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    internal_errors: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """All that should not have come."""
        return self.crashes + self.hangs + self.internal_errors


def fuzz(seconds: float, seed: int, names: list[str] | None = None) -> dict[str, Tally]:
    """{target: what came of it} after so many seconds of cases, the starts of workers not counted."""
    chosen = list(TARGETS) if names is None else names
    tallies = {name: Tally() for name in chosen}
    left_s = seconds
    while left_s > 0:
        left_s -= _run_worker(left_s, seed, tallies)
    return tallies


def _run_worker(seconds: float, seed: int, tallies: dict[str, Tally]) -> float:
    """One worker, until the time is over or a case ends it; returns the seconds that it tried cases."""
    first = {name: tally.cases for name, tally in tallies.items()}
    command = [sys.executable, "-m", "benchmarks.lib.fuzz.worker", str(seed), json.dumps(first), *tallies]
    worker = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(worker, lines), daemon=True).start()
    began, case = None, None
    try:
        while began is None or time.monotonic() - began < seconds:
            try:
                line = lines.get(timeout=STARTS_S if began is None else HANGS_S)
            except queue.Empty:
                line = None
            if not line:
                _note_end(
                    tallies, case, "does not end" if line is None else f"ended with {worker.wait()}", line is None
                )
                break
            began = began or time.monotonic()
            case = _note(tallies, case, json.loads(line))
    finally:
        worker.kill()
        worker.wait()
    return time.monotonic() - (began or time.monotonic())


def _how_it_ended(worker: subprocess.Popen[str], is_hang: bool) -> str:
    if not is_hang:
        return f"ended with {worker.wait()}"
    worker.send_signal(signal.SIGUSR1)  # it says on stderr where it is
    time.sleep(SAYS_WHERE_S)
    return "does not end"


def _read(worker: subprocess.Popen[str], lines: queue.Queue[str]) -> None:
    assert worker.stdout is not None
    for line in worker.stdout:
        lines.put(line)
    lines.put("")


def _note(tallies: dict[str, Tally], case: list | None, said: dict) -> list | None:
    """Take notice of a worker's line; returns the case that is being tried."""
    if "case" in said:
        return said["case"]
    assert case is not None
    tally = tallies[case[0]]
    tally.cases += 1
    if "fault" in said:
        tally.internal_errors.append(f"{case[0]} {case[1]}: {said['fault']}")
    elif said["came"] == "read":
        tally.read += 1
    else:
        tally.refused += 1
    return None


def _note_end(tallies: dict[str, Tally], case: list | None, text: str, is_hang: bool) -> None:
    if case is None:
        raise RuntimeError(f"the worker {text} before any case")
    tally = tallies[case[0]]
    tally.cases += 1
    (tally.hangs if is_hang else tally.crashes).append(f"{case[0]} {case[1]}: {text}")
