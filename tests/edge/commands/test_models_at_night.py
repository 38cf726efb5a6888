"""A model that begins to answer no number while the daemon hears is said, kept, and in the state; the rest hears on."""

import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

from edge.store import Store

# The detector's own answers, but for some frames of the night.
SPOILED = """
import sys
from edge.bundle.{module} import {name} as Runner
infer, frames = Runner.{method}, [0]
def nonsense(self, *arguments):
    answer = infer(self, *arguments)
    frames[0] += 1
    if {first} <= frames[0] < {end}:
        self.output[...] = float("nan")
        return self.output[0]
    return answer
Runner.{method} = nonsense
from edge.commands.main import main
sys.exit(main(["run", "--bundle", {bundle!r}, "--db", {path!r}, "--source", "file:" + {recording!r}, "--fast"]))
"""


@pytest.fixture
def night(tmp_path, burst_wav):
    """night(bundle, **where the model fails) -> (what stderr said, rows of health as (state, detail), events)."""
    path = str(tmp_path / "night.db")

    def night(bundle, **spoiled):
        code = SPOILED.format(bundle=bundle, path=path, recording=burst_wav, **spoiled)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.PIPE, universal_newlines=True
        )
        assert done.returncode == 0, done.stderr
        with Store(path, read_only=True) as store:
            return done.stderr, [(row.state, row.detail) for row in store.health()], store.events()

    return night


def test_a_deaf_detector_is_no_healthy_state(night, loud_bundle):
    said, rows, _ = night(loud_bundle, module="detector", name="Detector", method="look_at", first=9, end=14)
    words = "it answers what is no number: no cry is heard until it answers again"
    assert "detector: " + words in said
    assert ("detector", words) in rows
    states = [state for state, _ in rows]
    deaf = states.index("stalled")
    assert rows[deaf][1].startswith("the detector is deaf: it answers what is no number")
    assert "healthy" in states[:deaf] and "healthy" in states[deaf:]  # it answered again
    assert ("detector", "it answers again") in rows


@pytest.mark.once
def test_a_deaf_detector_stays_so_until_it_answers(night, loud_bundle):
    said, rows, events = night(loud_bundle, module="detector", name="Detector", method="look_at", first=9, end=10000)
    assert [state for state, _ in rows if state in ("healthy", "stalled")] == ["healthy", "stalled"]
    assert said.count("no cry is heard until it answers again") == 2  # the model, and what that means for hearing
    assert [event.state for event in events] == ["brief"]  # of what was alerted before it went deaf
