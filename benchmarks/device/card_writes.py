"""What an hour of listening writes to the memory card: quiet, crying all the time, and crying now and then.

    python -m benchmarks.device.card_writes

The daemon's own path listens to an hour each. Bytes are those handed to the system for the database and its log
(wchar of /proc/self/io); a card and its filesystem write more, in their own blocks.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Iterator, NamedTuple

import numpy as np

from benchmarks.lib.record import record
from edge.audio import Source
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.config import default_settings
from edge.frames import SAMPLE_RATE
from edge.runtime.listener import CHECKPOINT_S, Listener
from edge.sinks import Sink
from edge.store.buffered_store import BufferedStore
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

HOUR_S = 3600
BLOCK = SAMPLE_RATE // 5
ROOM_DBFS, CRY_DBFS = -60.0, -25.0
CRY_S = 30.0
KINDS = {"quiet": 0, "twelve cries of half a minute": 12, "crying all the time": HOUR_S // int(CRY_S)}
QUIET_MAY_WRITE = 0.5e6  # bytes an hour
CRYING_MAY_WRITE = 5e6


class Hour(NamedTuple):
    """What one hour of a kind wrote."""

    kind: str
    events: int
    cried_s: float
    written_bytes: int


def audio(cries: int, seed: int) -> Iterator:
    """Blocks of an hour with so many cries of CRY_S, evenly spread."""
    rng = np.random.default_rng(seed)
    room = (10 ** (ROOM_DBFS / 20) * rng.standard_normal(int(CRY_S) * SAMPLE_RATE)).astype(np.float32)
    cry = room + to_level(infant_cry(CRY_S, rng).samples, CRY_DBFS)
    shares = int(HOUR_S / CRY_S)
    for share in range(shares):
        is_cry = (share + 1) * cries // shares > share * cries // shares
        stretch = cry if is_cry else room
        for begin in range(0, len(stretch), BLOCK):
            yield stretch[begin : begin + BLOCK]


class Collector(Sink):
    """Remembers the events."""

    def __init__(self):
        self.events = []

    def event(self, event, start_utc):
        self.events.append(event)


def listen(kind: str, seed: int, bundle: str, directory: str) -> Hour:
    """An hour of a kind, in this process."""
    path = os.path.join(directory, kind + ".db")
    collector = Collector()
    with BufferedStore(path, default_settings()) as keeper:
        listener = Listener(load_bundle(bundle), default_settings(), keeper, Source(), collector, 0.0)
        before = written_bytes()
        for block in audio(KINDS[kind], seed):
            listener.push(block)
        listener.finish()
        written = written_bytes() - before
    cries = collector.events
    return Hour(kind, len(cries), sum(cry.end_s - cry.start_s for cry in cries), written)


def written_bytes() -> int:
    """Handed to write() by this process so far."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["wchar"])


def table(hours: list[Hour]) -> str:
    """The hours as Markdown."""
    lines = ["| an hour | events | of crying | written | in a year of such hours |", "|---|---|---|---|---|"]
    for hour in hours:
        year_gb = hour.written_bytes * 24 * 365 / 1e9
        lines.append(
            f"| {hour.kind} | {hour.events} | {hour.cried_s / 60:.0f} min | {hour.written_bytes / 1e6:.2f} MB "
            f"| {year_gb:.1f} GB |"
        )
    return "\n".join(lines) + (
        f"\n\nAn event that goes on is written every {CHECKPOINT_S:g} s and put on the card at once, a minute of "
        "listening once a minute."
    )


def main() -> int:
    """Listen to the hours, and record what they wrote."""
    with tempfile.TemporaryDirectory(prefix="cry-monitor-writes-") as directory:
        hours = [listen(kind, 1, DEFAULT_BUNDLE_DIR, directory) for kind in KINDS]
    record("card_writes", {"hours": [hour._asdict() for hour in hours], "checkpoint_s": CHECKPOINT_S}, table(hours))
    too_much = hours[0].written_bytes > QUIET_MAY_WRITE or hours[-1].written_bytes > CRYING_MAY_WRITE
    return 1 if too_much else 0


if __name__ == "__main__":
    sys.exit(main())
