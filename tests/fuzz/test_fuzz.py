"""Wrong inputs, for some seconds: nothing crashes, hangs or ends in an internal error.

FUZZ_SECONDS: how long (40; `make fuzz`: an hour). A case that fails is tried again by
`python -m benchmarks.device.fuzz --seed SEED --case TARGET NUMBER`.
"""

import os
import random
from pathlib import Path

from benchmarks.lib.fuzz import runner
from benchmarks.lib.fuzz.mutations import VALUES, mutated_bytes, mutated_document
from benchmarks.lib.fuzz.runner import Tally, fuzz
from benchmarks.lib.fuzz.targets import TARGETS
from benchmarks.lib.fuzz.worker import try_case
from edge.errors import UserError

SECONDS = float(os.environ.get("FUZZ_SECONDS", "40"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))


def test_nothing_crashes_hangs_or_ends_in_an_internal_error():
    tallies = fuzz(SECONDS, SEED)
    assert [text for tally in tallies.values() for text in tally.faults] == []
    for name, tally in tallies.items():
        assert tally.cases == tally.read + tally.refused > 0, name
    assert set(tallies) == set(TARGETS)


def test_a_case_is_the_same_again():
    for seed in range(20):
        first, again = random.Random(seed), random.Random(seed)
        assert mutated_bytes(bytes(1000), first) == mutated_bytes(bytes(1000), again)
        document = {"a": [1, {"b": 2}], "c": "d"}
        assert mutated_document(document, first) == mutated_document(document, again)
        assert document == {"a": [1, {"b": 2}], "c": "d"}
    assert VALUES[-4:] == ([], {}, [[]], {"": None}, ["cry"] * 1000)[-4:]  # what is put in is not changed in place


def test_faults_are_seen(tmp_path):
    """The fuzzer itself: an internal error, a long error and a good answer are told apart."""

    def came(error):
        def case(rng, path):
            if error:
                raise error

        return try_case("x", case, 0, 1, tmp_path)

    assert came(None) == {"came": "read"}
    assert came(UserError("one line")) == {"came": "refused"}
    assert "an error of 5000 characters" in came(UserError("x" * 5000))["fault"]
    assert came(KeyError("a"))["fault"].startswith("KeyError")


WORKER = """
import json, os, sys, time
print(json.dumps({"case": ["x", 0]}), flush=True)
print(json.dumps({"came": "read"}), flush=True)
print(json.dumps({"case": ["x", 1]}), flush=True)
os.abort() if "abort" in sys.argv else time.sleep(100)
"""


def test_a_death_and_a_hang_are_seen(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "HANGS_S", 0.5)
    real = runner.subprocess.Popen
    for how in ("abort", "hang"):
        monkeypatch.setattr(
            runner.subprocess, "Popen", lambda command, how=how, **rest: real([command[0], "-c", WORKER, how], **rest)
        )
        tallies = {"x": Tally()}
        runner._run_worker(20.0, 1, tallies)
        assert (tallies["x"].cases, len(tallies["x"].crashes), len(tallies["x"].hangs)) == (
            2,
            int(how == "abort"),
            int(how == "hang"),
        )
    assert Path(runner.REPOSITORY, "benchmarks").is_dir()
