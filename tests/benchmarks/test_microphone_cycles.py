"""The daemon hears again by itself, whatever happens to the microphone, and leaves nothing behind."""

import subprocess
import sys
import time

import pytest

from benchmarks.device.microphone_cycles import FAULTS, run_cycles, table
from tests.edge.virtual_microphone import what_is_not_installed

CYCLES = 10
HEARD_AGAIN_S = 5.0
START_S = 0.3  # of a Python with sounddevice, on a machine with time for it


def how_much_slower() -> float:
    """How much longer than it should starting a process takes on this machine now; at least 1."""
    started = time.monotonic()
    subprocess.check_call([sys.executable, "-c", "import sounddevice"])
    return max(1.0, (time.monotonic() - started) / START_S)


def test_ten_cycles():
    missing = what_is_not_installed()
    if missing:
        pytest.skip(f"no virtual microphone: {missing}")
    slower = how_much_slower()
    outcome = run_cycles(CYCLES)
    longest_s = {fault: max(times) for fault, times in outcome.heard_again_s.items()}
    assert set(longest_s) == set(FAULTS)
    assert max(longest_s.values()) < HEARD_AGAIN_S * max(slower, how_much_slower()), table(outcome)
    assert all(after <= before for after, before in zip(outcome.held_after, outcome.held_before, strict=True)), outcome
    assert outcome.events == outcome.bursts == CYCLES + 1
    heard, processed, skipped = outcome.frames
    assert heard == processed + skipped > 0
