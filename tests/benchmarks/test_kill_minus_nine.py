"""kill -9 at 20 random instants of crying; the command does it 200 times."""

import sys
from pathlib import Path

import numpy as np

from benchmarks.device.kill_minus_nine import LONG_CRY, NIGHT, Material, run_lanes

sys.path.insert(0, str(Path(__file__).parent.parent / "edge"))
from loud_bundle import loud_bundle, noise_burst  # noqa: E402, F401


def test_20_kills_lose_no_reported_event_tear_nothing_and_count_nothing_twice(loud_bundle, tmp_path):  # noqa: F811
    """run_lanes checks all of that after each kill; this, that the kills fell where something was to be lost."""
    night = np.concatenate([noise_burst(6, 3 + number % 7, 0, number) for number in range(30)])
    done = run_lanes(20, 1, Material(loud_bundle, night, noise_burst(0, 5, 0)), str(tmp_path))
    assert len(done) == 20
    assert sum(kill.was_open for kill in done if kill.phase == LONG_CRY) >= 4
    assert sum(kill.reported for kill in done if kill.phase == NIGHT) >= 4
