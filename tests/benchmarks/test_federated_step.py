"""A home's step on the fusion needs no more instructions of a board than recorded, and is little beside hearing."""

import json
import os
from pathlib import Path

import pytest

from benchmarks.device.boards.bar import recorded as hearing
from benchmarks.device.boards.emulator import DEFAULT_ROOT, CannotCount
from benchmarks.device.federated_step import count_step
from benchmarks.lib.record import RESULTS

ROOT = Path(os.environ.get("CRY_MONITOR_ARM64_ROOT", DEFAULT_ROOT))
ALLOWED = 0.1


def recorded():
    return json.loads((RESULTS / "federated_step.json").read_text())


def test_a_step_needs_no_more_instructions_than_recorded():
    """On purpose: python -m benchmarks.device.federated_step"""
    try:
        counted = count_step(ROOT)
    except CannotCount as reason:
        pytest.skip(str(reason))
    if counted["numpy"] != recorded()["numpy"]:
        pytest.skip(f"recorded with NumPy {recorded()['numpy']}, here {counted['numpy']}")
    assert counted["instructions"] <= (1 + ALLOWED) * recorded()["instructions"]


def test_a_round_of_a_home_is_no_more_than_seconds_of_hearing():
    of_hearing = hearing()["paths"]["crying"]["hop"] * 5
    assert recorded()["steps"] * recorded()["instructions"] < 10 * of_hearing
