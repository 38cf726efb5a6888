"""Runs the guest on an emulated processor and sorts the instructions it executed by path and stage."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from benchmarks.device.boards.guest import EMPTY_MARKS, SUSPICIOUS
from benchmarks.device.boards.guest_models import RUNS
from edge.bench.paths import CRYING, LISTENING, QUIET
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.frames import SAMPLE_RATE
from edge.synthesis import nursery_night

REPOSITORY = Path(__file__).parents[3]
DEFAULT_ROOT = REPOSITORY / ".arm64"
PROCESSORS = ("cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76")
NIGHT_S, PLAYED_S = 60.0, 24.0  # a cry begins after 13 s; before it the gate has closed
TIMEOUT_S = 600


class CannotCount(Exception):
    """Why instructions cannot be counted here."""


class Machine(NamedTuple):
    """What is emulated."""

    emulator: str
    processor: str
    python: Path
    packages: Path
    root: Path | None  # of another architecture
    sys_close: int  # number of the system call


def arm64(processor: str, root: Path = DEFAULT_ROOT) -> Machine:
    """An arm64 processor with a root made by make_root."""
    return Machine("qemu-aarch64", processor, root / "usr" / "bin" / "python3.11", root / "opt" / "site", root, 57)


def x86_64() -> Machine:
    """An x86-64 processor of 2013 under this very Python: to hold counts against the time they take here."""
    packages = Path(sysconfig.get_paths()["purelib"])
    return Machine("qemu-x86_64", "Haswell", Path(sys.executable).resolve(), packages, None, 3)


def check(machine: Machine) -> None:
    """Raises CannotCount when something that is needed is not here."""
    for program, package in ((machine.emulator, "qemu-user"), ("gcc", "gcc")):
        if shutil.which(program) is None:
            raise CannotCount(f"{program} is not installed (Debian's {package})")
    if not machine.python.exists():
        raise CannotCount("there is no arm64 root: make arm64")


def count(machine: Machine, bundle: str = DEFAULT_BUNDLE_DIR) -> dict[str, Any]:
    """Instructions of a hop: {"paths": {path: {"hop", "most", "stages": {stage: n}}}, "resample", "engine", ...}.

    Raises CannotCount.
    """
    with tempfile.TemporaryDirectory(prefix="boards-") as folder:
        samples = Path(folder) / "samples.npy"
        np.save(samples, night())
        said, totals = run_guest(machine, "guest", [str(bundle), str(samples)])
    found = by_path(said["marks"], said["paths"], totals)
    return {"processor": machine.processor, **found, **{name: said[name] for name in ("engine", "numpy", "python")}}


def count_models(machine: Machine, files: Sequence[Path]) -> list[int]:
    """Instructions of one run of each TFLite file, on one thread. Raises CannotCount."""
    _, totals = run_guest(machine, "guest_models", [str(path) for path in files])
    steps = np.diff(totals)
    own = median(steps[: EMPTY_MARKS - 1])
    runs = steps[EMPTY_MARKS::2].reshape(len(files), RUNS)
    return [int(median(of_model) - own) for of_model in runs]


def run_guest(machine: Machine, guest: str, arguments: Sequence[str]) -> tuple[dict[str, Any], list[int]]:
    """What a guest says as JSON, and the instructions executed up to each of its marks. Raises CannotCount."""
    check(machine)
    with tempfile.TemporaryDirectory(prefix="boards-") as folder:
        plugin = Path(folder) / "count.so"
        build(plugin, machine.sys_close)
        done = subprocess.run(
            [*fixed_layout(), machine.emulator, "-seed", "1", *(["-L", str(machine.root)] if machine.root else []),
             "-cpu", machine.processor, "-plugin", str(plugin), str(machine.python), "-m",
             f"benchmarks.device.boards.{guest}", *arguments],
            cwd=REPOSITORY, env=environment(machine), capture_output=True, text=True, timeout=TIMEOUT_S,
        )  # fmt: skip
    totals = [int(total) for total in re.findall(r"^MARK \d+ (\d+)$", done.stderr, re.MULTILINE)]
    try:
        return json.loads(done.stdout.splitlines()[-1]), totals
    except (IndexError, ValueError):
        lines = [line for line in done.stderr.splitlines() if not line.startswith("MARK")]
        raise CannotCount(f"the guest failed: {lines[-1] if lines else done.returncode}") from None


def night() -> np.ndarray:
    """The samples that are played."""
    return nursery_night(NIGHT_S, seed=1).samples[: int(PLAYED_S * SAMPLE_RATE)]


def build(plugin: Path, sys_close: int) -> None:
    """Compile the plugin. Raises CannotCount."""
    source = Path(__file__).parent / "count_instructions.c"
    command = ["gcc", "-O2", "-shared", "-fPIC", f"-DSYS_CLOSE={sys_close}", "-o", str(plugin), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise CannotCount(f"the plugin does not compile: {done.stderr.splitlines()[0]}")


def fixed_layout() -> list[str]:
    """Addresses that are the same every time, where the system lets us: hash tables and caches depend on them."""
    command = ["setarch", os.uname().machine, "-R"]
    allowed = shutil.which("setarch") and not subprocess.run([*command, "true"], capture_output=True).returncode
    return command if allowed else []


def environment(machine: Machine) -> dict[str, str]:
    """Nothing of this machine's."""
    return {
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": f"{machine.packages}:{REPOSITORY}",
    }


def by_path(marks: list[str], paths: list[str], totals: list[int]) -> dict[str, Any]:
    """Medians of each path's hops, and of a stage over those it ran in, less what the marks themselves cost."""
    steps = np.diff(np.array(totals))
    names = marks[1:]
    own = median(step for name, before, step in zip(names, marks, steps) if name == before == "mark")
    hops: list[dict[str, int]] = []
    for name, step in zip(names, steps):
        if name == "begin":
            hops.append({})
        elif hops and name not in ("mark", "before", "resample"):
            hops[-1][name] = hops[-1].get(name, 0) + int(step - own)
    found = {}
    for path in (QUIET, LISTENING, SUSPICIOUS, CRYING):
        of_path = [hop for hop, taken in zip(hops, paths) if taken == path and "frame" in hop]
        if of_path:
            every = dict.fromkeys(stage for hop in of_path for stage in hop)
            stages = {stage: int(median(hop[stage] for hop in of_path if stage in hop)) for stage in every}
            whole = [sum(hop.values()) for hop in of_path]
            found[path] = {"hops": len(of_path), "hop": int(median(whole)), "most": max(whole), "stages": stages}
    resampled = [int(step - own) for name, step in zip(names, steps) if name == "resample"]
    return {"paths": found, "resample": int(median(resampled))}
