"""A monitor on a virtual microphone, its bridge and its page, and what is played to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.device.told_cycles.receivers import Broker, Hook, HttpReceiver, free_port
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level
from tests.edge.virtual_microphone import VirtualMicrophone

REPOSITORY = Path(__file__).parents[3]
PATIENCE_S = 60.0
CRY_S, CRY_DBFS = 5.0, -25.0
LATEST_S = 20.0  # an alert or its event that has not come by then does not come
CONFIGURATION = """\
[store]
path = "{folder}/night.db"
[socket]
path = "{folder}/s"
[decision]
merge_gap_s = 1.0
[mqtt]
broker = "mqtt://127.0.0.1:{broker}"
[push]
ntfy = "http://127.0.0.1:{ntfy}/topic"
webhook = "http://127.0.0.1:{webhook}/"
command = "{command}"
min_gap_s = 0.0
"""
LOST = re.compile(r"not told by (push\.\w+): Crying \(")
NO_CONNECTION = "not told to Home Assistant, as there is no connection: a cry alert"


class House:
    """Everything, running. alerts: seconds since 1970 at which the monitor said so."""

    def __init__(self, folder: Path, seed: int):
        self.folder = folder
        self.broker = Broker(folder, "cry-monitor/nursery")
        self.receivers = {"push.ntfy": HttpReceiver(), "push.webhook": HttpReceiver(), "push.command": Hook(folder)}
        self.microphone = VirtualMicrophone()
        self.alerts: list[float] = []
        self.events = 0
        rng = np.random.default_rng(seed)
        self._cries = [to_level(infant_cry(CRY_S, rng).samples, CRY_DBFS) for _ in range(5)]
        self._config = folder / "cry-monitor.toml"
        self._config.write_text(
            CONFIGURATION.format(
                folder=folder,
                broker=self.broker.port,
                ntfy=self.receivers["push.ntfy"].port,
                webhook=self.receivers["push.webhook"].port,
                command=self.receivers["push.command"].command,
            )
        )
        self.monitor = self._start("run", "--json", stdout=subprocess.PIPE)
        threading.Thread(target=self._follow, daemon=True).start()
        self.bridge = self._start("bridge")
        self.page = self._start("serve", "--port", str(free_port()))
        self.wait_for_log("run", "healthy")
        self.wait_for_log("bridge", "connected to")

    def play(self, number: int) -> bool:
        """Play a cry and wait until it is over for the monitor; whether there was an alert."""
        alerts, events = len(self.alerts), self.events
        self.microphone.play(self._cries[number % len(self._cries)])
        until_s = time.monotonic() + LATEST_S
        while time.monotonic() < until_s and (len(self.alerts) == alerts or self.events == events):
            time.sleep(0.05)
        return len(self.alerts) > alerts

    def resident_mb(self) -> dict[str, float]:
        """{process: MB}; capture: the child that opens the microphone."""
        children = subprocess.run(["pgrep", "-P", str(self.monitor.pid)], capture_output=True, text=True).stdout.split()
        pids = {"hearing": self.monitor.pid, "bridge": self.bridge.pid, "page": self.page.pid}
        return {name: resident_mb(pid) for name, pid in (pids | {"capture": int(children[0])}).items()}

    def said(self) -> dict[str, int]:
        """How often the bridge has said that it could not tell of a cry, by channel."""
        log = (self.folder / "bridge.log").read_text()
        lost = LOST.findall(log)
        return {**{name: lost.count(name) for name in self.receivers}, "mqtt": log.count(NO_CONNECTION)}

    def wait_for_log(self, command: str, text: str) -> None:
        """Until a process has said that."""
        until_s = time.monotonic() + PATIENCE_S
        while text not in (self.folder / f"{command}.log").read_text():
            if time.monotonic() > until_s:
                raise SystemExit(f"{command} never said {text!r}")
            time.sleep(0.05)

    def close(self) -> None:
        """End everything, in good order."""
        for process in (self.page, self.bridge, self.monitor):
            process.terminate()
            process.wait(PATIENCE_S)
        for receiver in (*self.receivers.values(), self.broker):
            receiver.kill()
        self.microphone.close()

    def _start(self, command, *arguments, stdout=subprocess.DEVNULL):
        environment = dict(self.microphone.environment, XDG_STATE_HOME=str(self.folder))
        with (self.folder / f"{command}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "edge.commands.main", command, "--config", str(self._config), *arguments],
                cwd=REPOSITORY,
                env=environment,
                stdout=stdout,
                stderr=log,
            )

    def _follow(self):
        for line in self.monitor.stdout:
            kind = json.loads(line)["type"]
            if kind == "alert":
                self.alerts.append(time.time())
            elif kind == "event":
                self.events += 1


def resident_mb(pid: int) -> float:
    """Of a process; what it shares with others counts for each."""
    return int(re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())[0]) / 1000
