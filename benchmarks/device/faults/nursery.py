"""The room in which faults are tried: a virtual microphone or a pipe, cries to be heard, a monitor that hears them."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.device.faults.monitor import RunningMonitor
from edge.frames import SAMPLE_RATE
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level
from tests.edge.virtual_microphone import VirtualMicrophone

CRY_S = 8.0
CRY_DBFS = -45.0  # faint: a fault must not be drowned
ROOM_DBFS = -72.0
QUIET_S = 3.0  # of the room before the cry
AFTER_S = 5.0
ALERT_WITHIN_S = 60.0  # on a loaded machine
BLOCK_S = 0.1


class Row(NamedTuple):
    """What came of one fault. Times in seconds."""

    kind: str
    done: str  # what was done
    times: int
    heard_again_s: float | None  # from the fault's end or the start to the next frame; None: it ended, rightly
    alert_s: float | None  # of the cry that was played then, from its first sound; None where none was played
    said: str


def room(length_s: float, seed: int = 0) -> np.ndarray:
    """A quiet room: white noise, (n,) at 16 kHz."""
    noise = np.random.RandomState(seed).standard_normal(int(length_s * SAMPLE_RATE))
    return noise * 10 ** (ROOM_DBFS / 20)


def faint_cry() -> np.ndarray:
    """A room in which a baby cries from QUIET_S on, (n,) at 16 kHz."""
    samples = room(QUIET_S + CRY_S + AFTER_S)
    cry = to_level(infant_cry(CRY_S, np.random.default_rng(1)).samples, CRY_DBFS)
    samples[int(QUIET_S * SAMPLE_RATE) :][: len(cry)] += cry
    return samples


class Nursery:
    """A folder, a virtual microphone, and the monitors that were started there; close() ends all."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cry"))  # short: the path of a socket may have 107 bytes
        self.microphone = VirtualMicrophone()
        self._monitors: list[RunningMonitor] = []

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: Any) -> None:
        for monitor in self._monitors:
            monitor.process.kill()
            monitor.close()
        self.microphone.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def monitor(self, *arguments: str, **changes: Any) -> RunningMonitor:
        """A monitor that hears the virtual microphone, unless told another source; in a folder of its own."""
        folder = changes.pop("folder", None) or Path(tempfile.mkdtemp(dir=self.folder))
        self._monitors.append(RunningMonitor(folder, *arguments, environment=self.microphone.environment, **changes))
        return self._monitors[-1]

    def cry(
        self,
        monitor: RunningMonitor,
        through: Callable[[np.ndarray], np.ndarray] = lambda samples: samples,
        play: Callable[[Nursery, np.ndarray], None] = lambda nursery, samples: nursery.microphone.play(samples),
    ) -> float | None:
        """Play the faint cry into the microphone, changed; the alert's time from the cry's first sound, or None."""
        playing = threading.Thread(target=play, args=(self, through(faint_cry())))
        began_s = time.monotonic() + QUIET_S
        playing.start()
        at_s = monitor.wait_for("alert", began_s, ALERT_WITHIN_S)
        playing.join()
        return None if at_s is None else at_s - began_s


class Feed:
    """A thread that sends a quiet room to a monitor's standard input, as a microphone's program does, live."""

    def __init__(self, monitor: RunningMonitor):
        self._pipe = monitor.process.stdin.fileno()
        os.set_blocking(self._pipe, False)  # what finds no room is lost, as in a sound system
        self._monitor = monitor
        self._waiting: queue.Queue[np.ndarray] = queue.Queue()
        self._going = True
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def cry(self) -> float | None:
        """Send the faint cry; the alert's time from its first sound, or None."""
        began_s = time.monotonic() + QUIET_S
        for block in np.array_split(faint_cry(), int((QUIET_S + CRY_S + AFTER_S) / BLOCK_S)):
            self._waiting.put(block)
        at_s = self._monitor.wait_for("alert", began_s, ALERT_WITHIN_S)
        return None if at_s is None else at_s - began_s

    def stop(self) -> None:
        """Send nothing more; the pipe stays open."""
        self._going = False
        self._thread.join()

    def _send(self):
        due_s = time.monotonic()
        while self._going:
            block = room(BLOCK_S) if self._waiting.empty() else self._waiting.get()
            with suppress(BlockingIOError, BrokenPipeError):
                os.write(self._pipe, np.round(32767 * block).astype("<i2").tobytes())
            due_s += BLOCK_S
            time.sleep(max(0.0, due_s - time.monotonic()))


def next_frame_s(monitor: RunningMonitor, since_s: float) -> float:
    """Seconds from a moment until the next frame was heard. Raises TimeoutError."""
    at_s = monitor.wait_for("frame", since_s)
    if at_s is None:
        raise TimeoutError("it never heard again:\n" + "\n".join(came.what for came in monitor.lines))
    return at_s - since_s


def run(arguments: list[str], **changes: Any) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, with what it printed."""
    return subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **changes)
