"""Hours at real-time pace: what a frame takes, what memory grows by, how warm the board becomes."""

import os
import shutil
import tempfile
import time
from contextlib import suppress

from edge.bench.board import moment
from edge.bench.measure import Collections, Player, bytes_written
from edge.bench.start import status_mb
from edge.errors import UserError
from edge.runtime.gc_freeze import freeze_gc
from edge.store.buffered_store import BufferedStore
from edge.timings import FRAME_STAGE, percentile

SHORTEST_EVERY_S, LONGEST_EVERY_S = 1.0, 60.0  # between two samples
LEAST_SAMPLES = 60


def soak(bundle, settings, recording, hours, say):
    """Play a recording again and again for so many hours, or until Ctrl-C.

    say(sample) is called with each sample as it is taken. Returns (PathTimings, [sample], seconds of each garbage
    collection, bytes written or None); a sample is a dict of JSON. Raises UserError when there was no frame.
    """
    bundle.warm_up()
    freeze_gc()
    end_s = 3600.0 * hours
    every_s = min(LONGEST_EVERY_S, max(SHORTEST_EVERY_S, end_s / LEAST_SAMPLES))
    folder = tempfile.mkdtemp(prefix="edge-bench-")
    samples = []
    try:
        with BufferedStore(os.path.join(folder, "soak.db"), settings) as keeper, Collections() as collections:
            player = Player(bundle, settings, recording, keeper)
            next_s, written = every_s, bytes_written()
            with suppress(KeyboardInterrupt):
                for t_s in _steps(player, recording.native_rate_hz, end_s):
                    if t_s >= next_s and player.timings.timeline:
                        samples.append(_sample(t_s, player.timings))
                        say(samples[-1])
                        next_s += every_s
            written = bytes_written(since=written)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not player.timings.durations_s(FRAME_STAGE):
        raise UserError("--soak ended before the first frame: let it run for more than a second")
    return player.timings, samples, collections.seconds, written


def _steps(player, native_rate_hz, end_s):
    """Play block after block at real-time pace; yield the seconds since the beginning."""
    began_s, heard = time.monotonic(), 0
    while True:
        for block in player.source.native_blocks():
            heard += len(block)
            time.sleep(max(0.0, began_s + heard / float(native_rate_hz) - time.monotonic()))
            player.push(block)
            t_s = time.monotonic() - began_s
            yield t_s
            if t_s >= end_s:
                return


def _sample(t_s, timings):
    """What happened since the last sample."""
    ordered = sorted(1e3 * seconds for _, seconds in timings.timeline)
    del timings.timeline[:]
    now = moment()
    return {
        "moment": now,
        "t_s": t_s,
        "frames": len(ordered),
        "p50_ms": percentile(ordered, 50),
        "p99_ms": percentile(ordered, 99),
        "max_ms": ordered[-1],
        "missed_deadlines": timings.missed_deadlines,
        "memory_mb": status_mb("VmRSS"),
        "temperature_c": max(now["temperatures_c"].values()) if now["temperatures_c"] else None,
        "clock_mhz": max(now["clocks_mhz"]) if now["clocks_mhz"] else None,
    }


def growth_mb_per_hour(samples):
    """Slope of the line through the memory of the second half of the samples, or None with fewer than four."""
    half = [
        (one["t_s"] / 3600.0, one["memory_mb"]) for one in samples[len(samples) // 2 :] if one["memory_mb"] is not None
    ]
    if len(half) < 4:
        return None
    mean_t, mean_mb = (sum(column) / len(half) for column in zip(*half))
    spread = sum((t - mean_t) ** 2 for t, _ in half)
    return sum((t - mean_t) * (mb - mean_mb) for t, mb in half) / spread
