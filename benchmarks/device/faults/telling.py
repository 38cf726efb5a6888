"""Kind 3: hearing does not depend on who takes the output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress

from benchmarks.device.faults.nursery import Nursery, Row, next_frame_s

KIND = "who takes the output"
TAKERS = {
    "a full disk": "/dev/full",
    "a reader that is gone": "gone",
    "a reader that does not read": "asleep",
}


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each taker in turn, of what is told on stdout, then of the log on stderr."""
    for taker, what in TAKERS.items():
        yield taken(nursery, f"stdout goes to {taker}", what, "stdout")
        yield taken(nursery, f"the log goes to {taker}", what, "stderr")


def taken(nursery: Nursery, done: str, what: str, stream: str) -> Row:
    """One taker of one stream."""
    descriptors = opened(what)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, stream: descriptors[-1]}
    monitor = nursery.monitor("--json", **streams)
    again_s = next_frame_s(monitor, monitor.began_s)
    alert_s = nursery.cry(monitor)
    said = monitor.said(holding="not_told")
    assert monitor.end() == 0
    for descriptor in descriptors:
        os.close(descriptor)
    return Row(KIND, done, 1, again_s, alert_s, said)


def opened(what: str) -> list[int]:
    """Descriptors to close afterwards, the last of which is written to."""
    if what.startswith("/"):
        return [os.open(what, os.O_WRONLY)]
    reading, writing = os.pipe()
    if what == "gone":
        os.close(reading)
        return [writing]
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 65536)  # there is no room left in it
    os.set_blocking(writing, True)
    return [reading, writing]
