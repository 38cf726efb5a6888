"""kill -9 at random instants of a crying night: what was reported is in the database, once, and the file is whole.

    python -m benchmarks.device.kill_minus_nine --kills 200

The daemon runs as `cry-monitor run`, again and again on one database, and is killed while it starts, while it works
through a recorded night of cries, or in the middle of one long cry, both as fast as they are processed.
After every kill a copy of the database, its log included, is opened as a power cut would have left it to the next
start.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.lib.record import record
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.frames import SAMPLE_RATE
from edge.log import iso_utc
from edge.runtime.listener import CHECKPOINT_S
from edge.store import Store
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

START, NIGHT, LONG_CRY = "while it starts", "in a night of cries", "in one long cry"
PHASES = (LONG_CRY, NIGHT, LONG_CRY, NIGHT, START)  # in turn
LANES = 2  # databases and daemons at a time
CRIES, NIGHT_CRIES = 5, 30  # different ones, and in a night
CRY_S = (6.0, 15.0)
CRY_DBFS, ROOM_DBFS = -25.0, -60.0
GAP_S = 8.0  # between two cries
START_S = 1.5  # at most so long after the process began
NIGHT_LINES = 9  # at most so many alerts and events after READY
LONG_CRY_S = 45.0  # at most so much of it was sent
MOMENT_S = 0.2  # at most so long after what is waited for: within the work on the next hops
CHUNK_S = 0.2
PIPE_BYTES = 4096  # so much audio at most was sent and not yet taken
PATIENCE_S = 3600.0  # a machine may be busy
QUIET_S = 3.0  # before the long cry
# Of a cry: the last checkpoint, the second that the detector looks at, what waits in the pipe and in a hop.
MAY_LOSE_S = CHECKPOINT_S + 1.0 + PIPE_BYTES / (2 * SAMPLE_RATE) + 1.0


class Kill(NamedTuple):
    """One kill and what was found after it."""

    phase: str
    reported: int  # events that were reported before it
    was_open: bool  # the database holds an event that was going on
    lost_s: float | None  # of the long cry that was sent, what the database does not hold


class Material(NamedTuple):
    """What is listened to, and by which bundle."""

    bundle: str
    night: np.ndarray  # float32 at 16 kHz
    cry: np.ndarray  # a stretch that is crying throughout; repeated


def material(seed: int) -> Material:
    """The bundle that ships, and synthesised crying that it hears: many short cries, and a long one."""
    rng = np.random.default_rng(seed)
    room = 10 ** (ROOM_DBFS / 20) * rng.standard_normal(int(GAP_S * SAMPLE_RATE))
    cries = [to_level(infant_cry(length_s, rng).samples, CRY_DBFS) for length_s in rng.uniform(*CRY_S, CRIES)]
    night = np.concatenate([stretch for number in range(NIGHT_CRIES) for stretch in (room, cries[number % CRIES])])
    return Material(DEFAULT_BUNDLE_DIR, night.astype(np.float32), cries[0])


def run_lanes(kills: int, seed: int, heard: Material, directory: str) -> list[Kill]:
    """Kill so often, on LANES databases at a time. Raises AssertionError at the first promise that is broken."""

    def lane(number):
        path = os.path.join(directory, str(number))
        os.mkdir(path)
        return run_kills(kills // LANES, random.Random(LANES * seed + number), heard, path)

    with ThreadPoolExecutor(LANES) as lanes:
        return [kill for done in lanes.map(lane, range(LANES)) for kill in done]


def run_kills(kills: int, rng: random.Random, heard: Material, directory: str) -> list[Kill]:
    """Kill so often, on one database."""
    database = os.path.join(directory, "events.db")
    night = os.path.join(directory, "night.wav")
    with wave.open(night, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(pcm(heard.night))
    done, reported = [], []
    while len(done) < kills:
        phase = PHASES[len(done) % len(PHASES)]
        victim = Victim(heard, database, night, phase)
        sent_s = victim.live_and_die(phase, rng, heard.cry)
        if victim.was_killed():  # a night that had ended before is no kill
            rows, is_open = check(database, directory, reported + victim.reported, phase)
            lost_s = max(0.0, sent_s - QUIET_S - held_s(rows)) if phase == LONG_CRY else None
            assert lost_s is None or lost_s <= MAY_LOSE_S, f"{lost_s:.1f} s of a cry were lost"
            done.append(Kill(phase, len(victim.reported), is_open, lost_s))
        reported += victim.reported
    return done


class Victim:
    """A daemon with its pipes."""

    def __init__(self, heard: Material, database: str, night: str, phase: str):
        source = ["--source", "-"] if phase == LONG_CRY else ["--source", "file:" + night, "--fast"]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "edge.commands.main",
                "run",
                "--json",
                "--bundle",
                heard.bundle,
                "--db",
                database,
                *source,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        self._lines = []
        self._is_ready = threading.Event()
        self._readers = [threading.Thread(target=self._read_out), threading.Thread(target=self._read_log)]
        for reader in self._readers:
            reader.start()

    def live_and_die(self, phase: str, rng: random.Random, cry: np.ndarray) -> float:
        """Kill it at a random instant of the phase; returns the seconds of audio that were sent to it."""
        sent_s = 0.0
        if phase == START:
            time.sleep(rng.uniform(0, START_S))
        else:
            assert self._is_ready.wait(PATIENCE_S), "it never was READY"
        if phase == NIGHT:
            self._wait_for_lines(rng.randint(0, NIGHT_LINES))
        if phase == LONG_CRY:
            sent_s = self._send(cry, rng.uniform(0, LONG_CRY_S))
        time.sleep(rng.uniform(0, MOMENT_S))
        self._process.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()
        return sent_s

    def was_killed(self) -> bool:
        """Whether it was still alive when it was killed."""
        return self._process.returncode < 0

    @property
    def reported(self) -> list[dict]:
        """The events of which it has told."""
        return [record for record in map(json.loads, self._lines) if record["type"] == "event"]

    def _wait_for_lines(self, count):
        give_up = time.monotonic() + PATIENCE_S
        while len(self._lines) < count and self._process.poll() is None:
            assert time.monotonic() < give_up, "it reports nothing"
            time.sleep(0.01)

    def _send(self, cry, seconds):
        """As fast as it is taken; what cannot be sent is not counted."""
        pipe = self._process.stdin
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        sent_s = 0.0
        chunk = int(CHUNK_S * SAMPLE_RATE)
        repeats = 1 + int(LONG_CRY_S * SAMPLE_RATE / len(cry))
        stream = np.concatenate([np.zeros(int(QUIET_S * SAMPLE_RATE), np.float32), np.tile(cry, repeats)])
        while sent_s < seconds:
            begin = int(round(sent_s * SAMPLE_RATE))
            pipe.write(pcm(stream[begin : begin + chunk]))
            pipe.flush()
            sent_s += CHUNK_S
        return sent_s

    def _read_out(self):
        for line in self._process.stdout:
            if line.endswith(b"\n"):  # half a line was not reported
                self._lines.append(line)

    def _read_log(self):
        for line in self._process.stderr:
            if b"READY" in line:
                self._is_ready.set()


def check(database: str, directory: str, reported: list[dict], phase: str) -> tuple[list, bool]:
    """Open a copy as the next start would find it: (the newest session's events, whether one was going on)."""
    copies = os.path.join(directory, "after_kill")
    shutil.rmtree(copies, ignore_errors=True)
    os.mkdir(copies)
    for name in os.listdir(directory):
        if name.startswith("events.db") and os.path.isfile(os.path.join(directory, name)):  # not the socket
            shutil.copy(os.path.join(directory, name), copies)
    copy = os.path.join(copies, "events.db")
    if not os.path.exists(copy):
        assert phase == START and not reported
        return [], False
    raw = sqlite3.connect(copy)
    assert raw.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    raw.close()
    with Store(copy) as store:
        rows = store.events()
        sessions = dict(store._connection.execute("SELECT id, session FROM events").fetchall())
    found = Counter((iso_utc(row.start_utc), iso_utc(row.end_utc)) for row in rows if row.state in ("ended", "brief"))
    for event in reported:
        times = (event["start_utc"], event["end_utc"])
        assert found[times] == 1, f"the event of {times} was reported and is there {found[times]} times"
    newest = [row for row in rows if sessions[row.id] == max(sessions.values())]
    for one, other in zip(newest, newest[1:]):
        assert other.start_utc >= one.end_utc, f"rows {one.id} and {other.id} are of one cry"
    assert sum(row.state == "open" for row in rows) <= 1
    return newest, bool(rows) and rows[-1].state == "open"


def held_s(rows) -> float:
    """Seconds of the one long cry that the database holds."""
    going_on = [row for row in rows if row.state == "open"]
    return going_on[-1].end_utc - going_on[-1].start_utc if going_on else 0.0


def pcm(samples: np.ndarray) -> bytes:
    """Samples as 16-bit PCM."""
    return np.round(32767 * np.clip(samples, -1, 1)).astype("<i2").tobytes()


def table(done: list[Kill]) -> str:
    """The kills by phase, as Markdown."""
    lines = [
        "| killed | times | events reported before | with an event going on | of the cry lost, median / most |",
        "|---|---|---|---|---|",
    ]
    for phase in (START, NIGHT, LONG_CRY):
        kills = [kill for kill in done if kill.phase == phase]
        lost = sorted(kill.lost_s for kill in kills if kill.lost_s is not None)
        lost_text = f"{lost[len(lost) // 2]:.1f} s / {lost[-1]:.1f} s" if lost else ""
        lines.append(
            f"| {phase} | {len(kills)} | {sum(kill.reported for kill in kills)} "
            f"| {sum(kill.was_open for kill in kills)} | {lost_text} |"
        )
    return "\n".join(lines) + (
        "\n\nEvery time the database opened and was whole, every reported event was there once, and no cry twice."
    )


def main() -> None:
    """Kill, and record what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="how often (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the instants (default: 1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cry-monitor-kills-") as directory:
        done = run_lanes(args.kills, args.seed, material(args.seed), directory)
    record(
        "kill_minus_nine",
        {
            "kills": len(done),
            "seed": args.seed,
            "checkpoint_s": CHECKPOINT_S,
            "each": [kill._asdict() for kill in done],
        },
        table(done),
    )


if __name__ == "__main__":
    main()
