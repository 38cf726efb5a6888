"""A day of audio through the daemon, faster than real time: is its memory flat, are its files as large as stated?

    python -m benchmarks.device.long_day
    python -m benchmarks.device.long_day --hours 2 --data DIR

`cry-monitor run --source - --fast` hears synthesised nights in a random order and loudness with long quiet between
them, and with --data recordings from DIR (WAV, FLAC, OGG) too. Once for each hour of audio its resident memory is read
and its files are weighed; at the end, or at Ctrl-C, the frames that it counted are compared with the audio that was
sent.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from itertools import takewhile
from pathlib import Path
from typing import Iterator, NamedTuple

import numpy as np

from benchmarks.device.kill_minus_nine import pcm
from benchmarks.lib.record import record
from edge.audio import read_file
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.store import Store
from edge.store.database import PAGE_BYTES, WAL_PAGES
from edge.synthesis import nursery_night

HOUR = 3600 * SAMPLE_RATE
NIGHT_S = 300.0
NIGHTS = 4  # different ones; heard again and again at another loudness
QUIET_SHARE = 0.6  # of the day
QUIET_DBFS = -62.0
CHUNK = SAMPLE_RATE
MAY_GROW_MB = 1.0  # after the first hour
MAY_WEIGH_MB = 1.0  # the database after a day
WAL_MAY_WEIGH_MB = 2 * WAL_PAGES * PAGE_BYTES / 1e6
SUMMARY = re.compile(r"(\d+) events.*frames: (\d+) in, (\d+) processed, (\d+) skipped")


class Hour(NamedTuple):
    """The daemon after one more hour of audio, or at its end."""

    heard_h: float
    resident_mb: float
    database_mb: float
    wal_mb: float


class Day(NamedTuple):
    """What a day came to."""

    sent_frames: int
    frames_in: int
    frames_processed: int
    frames_skipped: int
    events: int
    stored_events: int
    minutes: int
    elapsed_s: float
    hours: list[Hour]

    @property
    def growth_mb(self) -> float:
        """Resident memory's largest value after the first hour, less that at its end."""
        return max(hour.resident_mb for hour in self.hours) - self.hours[0].resident_mb

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        promises = {
            f"memory grows by at most {MAY_GROW_MB:g} MB after the first hour": self.growth_mb < MAY_GROW_MB,
            "every frame is processed or counted as skipped": (
                self.sent_frames == self.frames_in == self.frames_processed + self.frames_skipped
            ),
            "every event is in the database": self.events == self.stored_events,
            f"the database weighs at most {MAY_WEIGH_MB:g} MB": all(
                hour.database_mb <= MAY_WEIGH_MB for hour in self.hours
            ),
            f"its log weighs at most {WAL_MAY_WEIGH_MB:.1f} MB": all(
                hour.wal_mb <= WAL_MAY_WEIGH_MB for hour in self.hours
            ),
        }
        return [promise for promise, is_kept in promises.items() if not is_kept]


def audio(hours: float, seed: int, data: str | None, nights: int = NIGHTS, night_s: float = NIGHT_S) -> Iterator:
    """Blocks of CHUNK samples, float32: `hours` of nights, recordings and quiet, mixed by `seed`."""
    rng = np.random.default_rng(seed)
    sounds = [nursery_night(night_s, seed + number).samples for number in range(nights)]
    files = sorted(Path(data).rglob("*")) if data else []
    recordings = [file for file in files if file.suffix in (".wav", ".flac", ".ogg")]
    left = int(hours * HOUR)
    while left > 0:
        if recordings and rng.random() < 0.5:
            sound = read_file(str(recordings[rng.integers(len(recordings))]))
        else:
            sound = sounds[rng.integers(len(sounds))] * 10 ** (rng.uniform(-12, 3) / 20)
        quiet = len(sound) * QUIET_SHARE / (1 - QUIET_SHARE) * rng.uniform(0.5, 1.5)
        hiss = 10 ** (QUIET_DBFS / 20) * rng.standard_normal(10 * SAMPLE_RATE)
        for stretch in (sound, np.resize(hiss, int(quiet))):
            for begin in range(0, min(left, len(stretch)), CHUNK):
                yield stretch[begin : min(begin + CHUNK, left)]
            left -= min(left, len(stretch))


def listen(blocks: Iterator, directory: str, bundle: str = DEFAULT_BUNDLE_DIR, hour: int = HOUR) -> Day:
    """The daemon over the blocks; `hour`: samples after which it is looked at again. Its log goes to DIRECTORY/log."""
    database = os.path.join(directory, "events.db")
    started = time.monotonic()
    log_path = os.path.join(directory, "log")
    with open(log_path, "wb") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edge.commands.main", "run", "--source", "-", "--fast", "--bundle", bundle]
            + ["--db", database],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )  # Ctrl-C is for the command, not for the daemon
    hours, sent = [], 0
    with daemon.stdin as pipe:
        for block in blocks:
            pipe.write(pcm(block))
            sent += len(block)
            if sent // hour > len(hours):
                pipe.flush()
                hours.append(look_at(daemon.pid, database, sent))
        pipe.flush()
        hours.append(look_at(daemon.pid, database, sent))
    if daemon.wait():
        raise RuntimeError(Path(log_path).read_text()[-2000:])
    events, frames_in, processed, skipped = (int(n) for n in SUMMARY.search(Path(log_path).read_text()).groups())
    with Store(database, read_only=True) as store:
        stored, minutes = len(store.events()), len(store.minutes())
    return Day(
        sent // FRAME_HOP, frames_in, processed, skipped, events, stored, minutes, time.monotonic() - started, hours
    )


def look_at(pid: int, database: str, sent: int) -> Hour:
    """Resident memory of a process and the sizes of its files, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident_kb = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
    sizes = [os.path.getsize(path) / 1e6 if os.path.exists(path) else 0.0 for path in (database, database + "-wal")]
    return Hour(sent / HOUR, resident_kb * 1024 / 1e6, *sizes)


def table(day: Day) -> str:
    """The day as Markdown."""
    first, last = day.hours[0], day.hours[-1]
    lines = [
        "| | |",
        "|---|---|",
        f"| audio | {last.heard_h:.2f} h in {day.elapsed_s / 60:.1f} min |",
        f"| frames sent = processed + skipped | {day.sent_frames} = {day.frames_processed} + {day.frames_skipped} |",
        f"| events reported = stored | {day.events} = {day.stored_events} |",
        f"| resident memory after {first.heard_h:.1f} h, most later | {first.resident_mb:.1f} MB, "
        f"{max(hour.resident_mb for hour in day.hours):.1f} MB ({day.growth_mb:+.1f}) |",
        f"| database at the end, its log at most | {last.database_mb:.2f} MB, "
        f"{max(hour.wal_mb for hour in day.hours):.2f} MB |",
    ]
    return "\n".join([*lines, "", "Kept: " + ("all." if not day.broken() else "not " + "; not ".join(day.broken()))])


def main() -> int:
    """Listen to a day, and record what it came to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=24.0, help="of audio (default: 24)")
    parser.add_argument("--seed", type=int, default=1, help="of the mix (default: 1)")
    parser.add_argument("--data", metavar="DIR", help="recordings to mix in (default: none)")
    args = parser.parse_args()
    interrupted = []
    signal.signal(signal.SIGINT, lambda *_: interrupted.append(True))
    blocks = takewhile(lambda _: not interrupted, audio(args.hours, args.seed, args.data))
    with tempfile.TemporaryDirectory(prefix="cry-monitor-day-") as directory:
        day = listen(blocks, directory)
    figures = dict(
        day._asdict(),
        hours=[hour._asdict() for hour in day.hours],
        growth_mb=day.growth_mb,
        seed=args.seed,
        recordings=bool(args.data),
        broken=day.broken(),
    )
    record("long_day", figures, table(day))
    return 1 if day.broken() else 0


if __name__ == "__main__":
    sys.exit(main())
