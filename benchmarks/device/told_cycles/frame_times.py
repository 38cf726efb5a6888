"""The time of a frame while nobody is told, and while everybody who is told hangs."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.device.told_cycles.receivers import free_port
from edge.audio import Source
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.frames import FRAME_HOP, FRAME_HOP_S, SAMPLE_RATE
from edge.runtime.listener import Listener
from edge.sinks.fan_out import Sinks
from edge.sinks.local_socket import LocalSocketSink
from edge.sinks.place import listen
from edge.status import HEALTHY, Status
from edge.store.buffered_store import BufferedStore
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level
from edge.timings import FRAME_STAGE

REPOSITORY = Path(__file__).parents[3]
ROUND_S = 40.0  # of audio
QUICKER = 4.0  # than the clock
PATIENCE_S = 60.0
CONFIGURATION = """\
[socket]
path = "{folder}/f"
[mqtt]
broker = "mqtt://127.0.0.1:{port}"
[push]
ntfy = "http://127.0.0.1:{port}/topic"
webhook = "http://127.0.0.1:{port}/"
command = "sleep 3600"
min_gap_s = 0.0
[heartbeat]
url = "http://127.0.0.1:{port}/beat"
every_s = 5.0
"""


class Hanging:
    """Accepts every connection and never answers."""

    def __init__(self):
        self.port = free_port()
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=64)
        self._held: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with suppress(OSError):
            while True:
                self._held.append(self._listening.accept()[0])

    @property
    def connections(self) -> int:
        """How many were made."""
        return len(self._held)

    def close(self) -> None:
        """End."""
        self._listening.close()


def frame_times(folder: Path, rounds: int, seed: int) -> dict[str, list[tuple[float, float]]]:
    """{"alone" or "all hang": (p99 of a frame by the clock, p99 of its own processor time) in ms, of each round}.

    Rounds in turn, of the same crying sound. What else runs on the machine is in the first and hardly in the second.
    """
    rng = np.random.default_rng(seed)
    room = (1e-3 * rng.standard_normal(int(4 * SAMPLE_RATE))).astype(np.float32)
    cry = to_level(infant_cry(6.0, rng).samples, -25.0)
    sound = np.tile(np.concatenate([room, cry]), int(ROUND_S / 10.0))
    bundle, status, sinks = load_bundle(), Status(), None
    bundle.warm_up()
    status.enter(HEALTHY, "hearing what is played")
    sinks = Sinks([LocalSocketSink(listen(str(folder / "f")), status.snapshot, {}, str(folder / "f"))], status)
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "all hang": []}
    with BufferedStore(str(folder / "frames.db"), default_settings()) as keeper:
        for _ in range(rounds):
            found["alone"].append(one_round(bundle, keeper, sinks, status, sound))
            hanging = Hanging()
            bridge = start_bridge(folder, hanging)
            found["all hang"].append(one_round(bundle, keeper, sinks, status, sound))
            bridge.kill()
            bridge.wait()
            hanging.close()
    sinks.close()
    return found


def start_bridge(folder: Path, hanging: Hanging) -> subprocess.Popen:
    """A bridge all of whose receivers hang; returns when the first was asked."""
    config = folder / "hang.toml"
    config.write_text(CONFIGURATION.format(folder=folder, port=hanging.port))
    with (folder / "hang.log").open("ab") as log:
        bridge = subprocess.Popen(
            [sys.executable, "-m", "edge.commands.main", "bridge", "--config", str(config)], cwd=REPOSITORY, stderr=log
        )
    until_s = time.monotonic() + PATIENCE_S
    while not hanging.connections:
        if time.monotonic() > until_s:
            raise SystemExit("the bridge asks nobody: see " + str(folder / "hang.log"))
        time.sleep(0.05)
    return bridge


def one_round(bundle, keeper, sinks, status, sound) -> tuple[float, float]:
    """Two p99s in ms of the frames of the sound, heard QUICKER than it sounds: by the clock, and of processor time."""
    listener = Listener(bundle, default_settings(), keeper, Source(), sinks)
    next_s, used_s = time.monotonic(), []
    for begin in range(0, len(sound) - FRAME_HOP, FRAME_HOP):
        used_before_s = time.thread_time()
        listener.push(sound[begin : begin + FRAME_HOP])
        status.frame_done(listener.pipeline.is_crying)
        sinks.look()
        used_s.append(time.thread_time() - used_before_s)
        next_s += FRAME_HOP_S / QUICKER
        time.sleep(max(0.0, next_s - time.monotonic()))
    listener.finish()
    return float(listener.pipeline.timings.row(FRAME_STAGE).p99_ms), float(1000 * np.percentile(used_s, 99))
