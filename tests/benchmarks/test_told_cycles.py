"""What the benchmark of those who are told calls kept: nobody missing, nobody late, nothing too large."""

import copy

import pytest

from benchmarks.device.told_cycles.__main__ import kept, table
from benchmarks.device.told_cycles.receivers import HttpReceiver

KEPT = {
    "cycles": 2,
    "restarts": 3,
    "alerts": 10,
    "channels": {
        "push.ntfy": {"received": 10, "said_lost": 0},
        "push.command": {"received": 8, "said_lost": 2},
        "mqtt": {"received": 7, "said_lost": 2},
    },
    "delays_s": {"push.ntfy": [0.1, 0.2], "push.command": [0.1, 0.9]},
    "broker_told_again_s": [1.5],
    "resident_mb": {"hearing": 100.0, "bridge": 30.0},
    "frame_p99_ms": {"alone": [(3.0, 2.0)], "all hang": [(3.1, 2.1)]},
}


def test_what_is_kept_is_called_so():
    assert kept(KEPT) and "Kept: all." in table(KEPT)


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found["channels"]["push.ntfy"].update(received=9),
        lambda found: found["channels"]["push.ntfy"].update(received=11),
        lambda found: found["channels"]["push.command"].update(said_lost=1),
        lambda found: found["delays_s"]["push.command"].append(1.1),
        lambda found: found["resident_mb"].update(hearing=180.0),
    ],
)
def test_what_is_not_is_not(change):
    found = copy.deepcopy(KEPT)
    change(found)
    assert not kept(found) and "NOT KEPT" in table(found)


def test_a_receiver_comes_back_at_its_own_port():
    receiver = HttpReceiver()
    port = receiver.port
    receiver.kill()
    receiver.start()
    assert receiver.port == port
    receiver.kill()
