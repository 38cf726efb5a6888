"""Losing and finding a camera, again and again, with a real daemon, a real ffmpeg and a camera on loopback (RTSP).

    python -m benchmarks.device.camera_cycles [--cycles 20]

So many cycles of each kind: something is done to the camera while it is heard, and undone; the daemon must hear again,
a burst that the camera then hears must come to an event, and every second must be counted as heard or as lost.
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

from benchmarks.device.microphone_cycles import CONFIGURATION, burst
from benchmarks.lib.record import record
from benchmarks.lib.running_daemon import RunningDaemon
from edge.store import Store
from tests.edge.loud_bundle import write_loud_bundle
from tests.stages.camera.camera import FakeCamera, what_is_not_installed

FAULTS = {
    "dies": "the camera dies (SIGKILL), and is started again seconds later",
    "restarts": "the camera is restarted at once",
    "freezes": "the camera is stopped (SIGSTOP) until that is noticed, and continued",
    "hesitates": "the camera is stopped for 3 s, less than is called a stall, and continued",
    "password": "the camera is restarted with another password, and with the old one again",
    "no_sound": "the camera is restarted with its microphone off, and with it on again",
    "ffmpeg": "ffmpeg is killed",
}
LONGEST_BROKEN_S = 3.0  # between the moment a fault was noticed and its mending, at random
HESITATION_S = 3.0
PASSWORD = "hush-little-baby"
NOT_HEARD = re.compile(r"(recovering|lost|stalled): ")
LAST = re.compile(r"heard ([\d.]+) s.*passed ([\d.]+) s, skipped ([\d.]+) s; frames: (\d+) in, (\d+) processed")


class Outcome(NamedTuple):
    """What came of all cycles."""

    heard_again_s: dict[str, list[float]]  # by fault: from its mending until a block came
    bursts: int  # that the camera heard while it was heard
    events: int  # in the database
    heard_s: float
    lost_s: float
    passed_s: float  # by the clock, since the daemon was ready
    secrets: int  # lines of the log with the password or the user in them
    ffmpegs: int  # children of the daemon after the last cycle


class Cycles:
    """Does one cycle after the other."""

    def __init__(self, camera: FakeCamera, daemon: RunningDaemon, seed: int = 0):
        self.bursts = 0
        self._camera = camera
        self._daemon = daemon
        self._random = random.Random(seed)
        self._mark = daemon.wait_for("healthy: ", 0)[1]
        self._play()

    def run(self, fault: str) -> float:
        """One cycle: seconds from the moment the fault was mended until the camera was heard."""
        mended_s = getattr(self, "_" + fault)()
        heard_s = mended_s
        if fault != "hesitates":
            heard_s, self._mark = self._daemon.wait_for("healthy: ", self._mark)
        self._play()
        return max(0.0, heard_s - mended_s)

    def _play(self):
        self._camera.play(burst(self.bursts))
        self.bursts += 1
        _, self._mark = self._daemon.wait_for("event: ", self._mark)

    def _until_noticed(self, text=""):
        _, self._mark = self._daemon.wait_for_match(re.compile(NOT_HEARD.pattern + ".*" + text), self._mark)

    def _stay_broken(self):
        time.sleep(self._random.uniform(0.0, LONGEST_BROKEN_S))

    def _restart(self, said="", **options):
        """Have the camera started with these options until that is said, and then as it was."""
        self._camera.kill()
        if said:
            self._camera.start(**options)
            self._until_noticed(said)
            self._stay_broken()
            self._camera.kill()
        self._camera.start(password=PASSWORD)
        return time.monotonic()

    def _dies(self):
        self._camera.kill()
        self._until_noticed()
        self._stay_broken()
        self._camera.start(password=PASSWORD)
        return time.monotonic()

    def _restarts(self):
        return self._restart()

    def _freezes(self):
        self._camera.freeze()
        self._until_noticed()
        self._stay_broken()
        self._camera.thaw()
        return time.monotonic()

    def _hesitates(self):
        self._camera.freeze()
        time.sleep(HESITATION_S)
        self._camera.thaw()
        return time.monotonic()

    def _password(self):
        return self._restart("401", password="another-song")

    def _no_sound(self):
        return self._restart("sends no sound", password=PASSWORD, no_sound=True)

    def _ffmpeg(self):
        (child,) = self._daemon.children()
        os.kill(child, 9)
        return time.monotonic()


def run_cycles(cycles: int) -> Outcome:
    """That many cycles of each fault, the faults in turn."""
    with tempfile.TemporaryDirectory() as directory:
        write_loud_bundle(directory)
        password = Path(directory, "camera.password")
        password.write_text(PASSWORD + "\n")
        camera = FakeCamera(password=PASSWORD)
        source = camera.address.replace("//", "//baby@")
        configuration = f'[audio]\nsource = "{source}"\npassword_file = "{password}"\n{CONFIGURATION}'
        daemon = None
        try:
            daemon = RunningDaemon(dict(os.environ), directory, directory, configuration)
            return _outcome(Cycles(camera, daemon), daemon, cycles)
        finally:
            if daemon is not None:
                daemon.process.kill()
                daemon.process.wait()
            camera.close()


def _outcome(driver, daemon, cycles):
    heard_again_s = {fault: [] for fault in FAULTS}
    for number in range(cycles):
        for fault in FAULTS:
            heard_again_s[fault].append(driver.run(fault))
            print(f"{number + 1}/{cycles} {fault}: {heard_again_s[fault][-1]:.2f} s", file=sys.stderr)
    ffmpegs = len(daemon.children())
    last = LAST.search(daemon.stop())
    heard_s, passed_s, lost_s = (float(last.group(number)) for number in (1, 2, 3))
    secrets = sum(PASSWORD in line or "baby@" in line for _, line in daemon.lines)
    with Store(daemon.database, read_only=True) as store:
        events = len(store.events())
    return Outcome(heard_again_s, driver.bursts, events, heard_s, lost_s, passed_s, secrets, ffmpegs)


def table(outcome: Outcome) -> str:
    """For a person."""
    lines = ["| what was done to the camera | cycles | heard again after, median s | longest s |", "|---|---|---|---|"]
    lines += [
        f"| {FAULTS[fault]} | {len(times)} | {statistics.median(times):.2f} | {max(times):.2f} |"
        for fault, times in outcome.heard_again_s.items()
        if times
    ]
    lines += [
        "",
        f"{outcome.bursts} bursts were played to the camera while it was heard, {outcome.events} events are in the "
        f"database. Heard {outcome.heard_s:.1f} s + lost {outcome.lost_s:.1f} s = "
        f"{outcome.heard_s + outcome.lost_s:.1f} s; {outcome.passed_s:.1f} s passed. Lines of the log with user or "
        f"password: {outcome.secrets}. Running at the end: {outcome.ffmpegs} ffmpeg.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=20, help="of each kind; about a minute for one of all kinds")
    arguments = parser.parse_args()
    missing = what_is_not_installed()
    if missing:
        sys.exit(f"no fake camera: {missing}")
    print(f"{arguments.cycles} cycles of {len(FAULTS)} kinds: about {arguments.cycles} min", file=sys.stderr)
    outcome = run_cycles(arguments.cycles)
    record("camera_cycles", {**outcome._asdict(), "load_average": os.getloadavg()[0]}, table(outcome))


if __name__ == "__main__":
    main()
