"""Kind 5: a model's answer is checked, at the start and in the night."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.device.faults.monitor import REPOSITORY
from benchmarks.device.faults.nursery import Feed, Nursery, Row, run
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.frames import FRAME_HOP_S

KIND = "a model that answers nonsense"
SPOILED_FRAMES = 10
SMALLEST = 5e-324  # a number to JSON, and 0 to the model
# The monitor whose {name} answers what is no number from one frame to another of those that it is asked.
SPOILED = """
import sys
from edge.bundle.{module} import {name} as Runner
infer, asked = Runner.{method}, [0]
def nonsense(self, *arguments):
    answer = infer(self, *arguments)
    asked[0] += 1
    if {first} <= asked[0] < {end}:
        self.output[...] = float("nan")
        return self.output[0]
    return answer
Runner.{method} = nonsense
from edge.commands.main import main
sys.exit(main())
"""
# Native code that reads a damaged model may end the process; not every engine does of the same file.
FATAL = """
import os, signal
import edge.engines
import edge.bundle.files
edge.bundle.files.open_engine = lambda *arguments: os.kill(os.getpid(), signal.SIGSEGV)
"""
DETECTOR = {"module": "detector", "name": "Detector", "method": "look_at"}


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each fault in turn."""
    yield refused(nursery)
    yield killed(nursery)
    yield spoiled(nursery)


def bundle(nursery: Nursery, name: str) -> Path:
    """A copy of the bundle that ships."""
    return Path(shutil.copytree(DEFAULT_BUNDLE_DIR, nursery.folder / name))


def start(folder: Path, nursery: Nursery, **environment: str) -> str:
    """The last line of a monitor with a bundle that it must refuse."""
    command = [sys.executable, "-m", "edge.commands.main", "run", "--source", "-", "--bundle", str(folder)]
    command += ["--db", str(nursery.folder / "refused.db")]
    done = run(command, cwd=REPOSITORY, env=dict(os.environ, **environment), stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done.stdout
    return done.stdout.strip().splitlines()[-1].replace(str(folder), "BUNDLE")


def refused(nursery: Nursery) -> Row:
    """A bundle whose detector is given, or answers, what is no number."""
    folder = bundle(nursery, "nonsense")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["models"][0]["normalisation"] = {"kind": "frame_mean", "scale": SMALLEST}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    said = start(folder, nursery)
    return Row(KIND, "started with a bundle whose detector answers nonsense: refused", 1, None, None, said)


def killed(nursery: Nursery) -> Row:
    """A bundle whose model file ends the process that loads it: it is tried in a child first."""
    (nursery.folder / "sitecustomize.py").write_text(FATAL)
    said = start(bundle(nursery, "fatal"), nursery, PYTHONPATH=str(nursery.folder))
    return Row(KIND, "started with a model file that ends the process that loads it: refused", 1, None, None, said)


def spoiled(nursery: Nursery) -> Row:
    """The detector begins to answer nonsense in the night, and answers again after ten frames."""
    code = SPOILED.format(first=30, end=30 + SPOILED_FRAMES, **DETECTOR)
    monitor = nursery.monitor("--source", "-", code=code, configuration="[gate]\nenabled = false\n")
    feed = Feed(monitor)
    deaf_s = monitor.wait_for_line("stalled")
    said = monitor.said(0.0)
    back_s = monitor.wait_for_line("healthy: hearing", deaf_s)
    alert_s = feed.cry()
    feed.stop()
    assert monitor.end() == 0
    done = f"the detector answers what is no number for {SPOILED_FRAMES} frames"
    return Row(KIND, done, 1, max(0.0, back_s - deaf_s - SPOILED_FRAMES * FRAME_HOP_S), alert_s, said)
