"""Losing and finding a microphone, again and again, with a real daemon on a virtual microphone.

    python -m benchmarks.device.microphone_cycles [--cycles 100]

Each cycle breaks something, mends it, waits until the daemon hears again, plays a burst, and waits for its event.
What the daemon holds (threads, files, children, memory) is compared with what it held before the first.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.lib.record import record
from benchmarks.lib.running_daemon import Held, RunningDaemon
from edge.frames import SAMPLE_RATE
from edge.store import Store
from tests.edge.loud_bundle import write_loud_bundle
from tests.edge.virtual_microphone import VirtualMicrophone, what_is_not_installed

REPOSITORY = Path(__file__).parents[2]
FAULTS = {
    "killed": "the sound server is killed and started again",
    "removed": "the source is removed, the server moves the stream to another; it is plugged in again",
    "suspended": "the source is suspended and resumed",
    "frozen": "the sound server is stopped and continued (SIGSTOP, SIGCONT)",
    "late": "the daemon starts without a sound server, which is started later",
    "rate_changed": "the source is replaced by one of another sample rate",
}
RATES_HZ = (48000, 44100, 16000)
LONGEST_BROKEN_S = 1.0  # between the moment a fault was noticed and its mending, at random
CONFIGURATION = "[decision]\nmerge_gap_s = 0.7\nmin_event_s = 0.4\n"
BURST_S = 1.0
BURST_QUIET_S = 0.3
FRAMES = re.compile(r"(\d+) in, (\d+) processed, (\d+) skipped")


class Outcome(NamedTuple):
    """What came of all cycles."""

    heard_again_s: dict[str, list[float]]  # by fault: from its mending until a block came
    held_before: Held
    held_after: Held
    resident_mb: tuple[float, float]  # of the daemon, before and after; of the last one started
    bursts: int  # that were played
    events: int  # in the database
    frames: tuple[int, int, int]  # of the last daemon: in, processed, skipped


def burst(seed: int) -> np.ndarray:
    """Noise between silences, as one event is made."""
    quiet = np.zeros(int(SAMPLE_RATE * BURST_QUIET_S))
    return np.concatenate([quiet, 0.1 * np.random.RandomState(seed).standard_normal(int(SAMPLE_RATE * BURST_S)), quiet])


class Cycles:
    """Does one cycle after the other; `bursts` is how many events there must be in the database."""

    def __init__(self, microphone: VirtualMicrophone, daemon: RunningDaemon, seed: int = 0):
        self.bursts = 0
        self._microphone = microphone
        self._daemon = daemon
        self._random = random.Random(seed)
        self._rate = 0
        self._mark = daemon.wait_for("healthy", 0)[1]
        self._play()

    def run(self, fault: str) -> float:
        """One cycle: seconds from the moment the fault was mended until the microphone was heard again."""
        getattr(self, "_" + fault)()
        mended_s = time.monotonic()
        heard_s, self._mark = self._daemon.wait_for("healthy", self._mark)
        self._play()
        return max(0.0, heard_s - mended_s)

    def _play(self):
        self._microphone.play(burst(self.bursts))
        self.bursts += 1
        _, self._mark = self._daemon.wait_for("event:", self._mark)

    def _wait_for(self, state):
        _, self._mark = self._daemon.wait_for(state + ":", self._mark)

    def _stay_broken(self):
        time.sleep(self._random.uniform(0.0, LONGEST_BROKEN_S))

    def _killed(self):
        self._microphone.kill()
        self._wait_for("lost")
        self._stay_broken()
        self._microphone.start()

    def _removed(self):
        # The server moves the stream to the source that is left, which is noticed; and back again.
        self._microphone.remove_source()
        self._wait_for("recovering")
        self._wait_for("healthy")
        self._microphone.add_source()
        self._wait_for("recovering")

    def _suspended(self):
        self._microphone.suspend()
        self._wait_for("stalled")
        self._stay_broken()
        self._microphone.resume()

    def _frozen(self):
        self._microphone.freeze()
        self._wait_for("stalled")
        self._stay_broken()
        self._microphone.thaw()

    def _late(self):
        self._daemon.stop()
        self._microphone.kill()
        self._daemon.start()
        self._mark = 0
        self._wait_for("lost")
        self._stay_broken()
        self._microphone.start()

    def _rate_changed(self):
        self._rate = (self._rate + 1) % len(RATES_HZ)
        self._microphone.remove_source()
        self._microphone.add_source(RATES_HZ[self._rate])
        self._wait_for("recovering")


def run_cycles(cycles: int) -> Outcome:
    """That many cycles, the faults in turn."""
    with tempfile.TemporaryDirectory() as directory:
        write_loud_bundle(directory)
        microphone = VirtualMicrophone()
        daemon = None
        try:
            daemon = RunningDaemon(microphone.environment, directory, directory, CONFIGURATION)
            return _outcome(Cycles(microphone, daemon), daemon, cycles)
        finally:
            if daemon is not None:
                daemon.process.kill()
                daemon.process.wait()
            microphone.close()


def _outcome(driver, daemon, cycles):
    held_before, before_mb = daemon.held(), daemon.resident_mb()
    heard_again_s = {fault: [] for fault in FAULTS}
    for number in range(cycles):
        fault = list(FAULTS)[number % len(FAULTS)]
        heard_again_s[fault].append(driver.run(fault))
    held_after, after_mb = daemon.held(), daemon.resident_mb()
    frames = tuple(map(int, FRAMES.search(daemon.stop()).groups()))
    with Store(daemon.database, read_only=True) as store:
        events = len(store.events())
    return Outcome(heard_again_s, held_before, held_after, (before_mb, after_mb), driver.bursts, events, frames)


def table(outcome: Outcome) -> str:
    """For a person."""
    lines = [
        "| what was done to the microphone | cycles | heard again after, median s | longest s |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {FAULTS[fault]} | {len(times)} | {statistics.median(times):.2f} | {max(times):.2f} |"
        for fault, times in outcome.heard_again_s.items()
        if times
    ]
    before, after = outcome.held_before, outcome.held_after
    lines += [
        "",
        f"Before the first cycle the daemon held {before.threads} threads, {before.files} files and {before.children} "
        f"child; after the last {after.threads}, {after.files} and {after.children}. "
        f"Resident: {outcome.resident_mb[0]:.1f} MB before, {outcome.resident_mb[1]:.1f} MB after "
        "(the daemon is a new one after each late start).",
        f"{outcome.bursts} bursts were played, {outcome.events} events are in the database. The last daemon: "
        "{} frames in, {} processed, {} skipped.".format(*outcome.frames),
    ]
    return "\n".join(lines)


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100)
    arguments = parser.parse_args()
    missing = what_is_not_installed()
    if missing:
        sys.exit(f"no virtual microphone: {missing}")
    outcome = run_cycles(arguments.cycles)
    figures = {
        **outcome._asdict(),
        "held_before": outcome.held_before._asdict(),
        "held_after": outcome.held_after._asdict(),
        "load_average": os.getloadavg()[0],
    }
    record("microphone_cycles", figures, table(outcome))


if __name__ == "__main__":
    main()
