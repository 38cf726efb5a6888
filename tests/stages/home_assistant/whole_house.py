"""A real Home Assistant beside a real broker, microphone, monitor and bridge; each may be killed."""

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from house import HomeAssistant
from receivers import Mosquitto, free_port
from virtual_microphone import VirtualMicrophone

from edge.store import Store
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

REPOSITORY = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0
CRYING, MICROPHONE, PAUSE = "binary_sensor.nursery_crying", "sensor.nursery_microphone", "switch.nursery_pause"
CONFIGURATION = """\
[store]
path = "{folder}/night.db"
[socket]
path = "{folder}/s"
[bridge]
allow_pause = true
[mqtt]
broker = "mqtt://127.0.0.1:{port}"
[loudness]
enabled = true
"""


class House:
    """Broker, Home Assistant, microphone, monitor and bridge."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.mosquitto = Mosquitto(folder)
        self.microphone = VirtualMicrophone()
        self._config = folder / "cry-monitor.toml"
        self._config.write_text(CONFIGURATION.format(folder=folder, port=self.mosquitto.port))
        self.start_monitor()
        self.start_bridge()
        self.home = HomeAssistant(folder / "home", free_port(), self.mosquitto.port)

    def start_monitor(self):
        self.monitor = self._start("run")

    def start_bridge(self):
        self.bridge = self._start("bridge")

    def close(self):
        self.home.close()
        for process in (self.bridge, self.monitor):
            process.kill()
            process.wait()
        self.microphone.close()
        self.mosquitto.kill()

    def play_cry(self, seconds, seed=1):
        """In the background: what comes of it is waited for."""
        cry = to_level(infant_cry(seconds, np.random.default_rng(seed)).samples, -25.0)
        threading.Thread(target=self._play, args=(cry,), daemon=True).start()

    def _play(self, cry):
        with suppress(subprocess.CalledProcessError):  # the server was killed meanwhile
            self.microphone.play(cry)

    def wait_for(self, **wanted):
        """Until these entities have these states: {CRYING: "on"} as crying="on"."""
        names = {"crying": CRYING, "microphone": MICROPHONE, "pause": PAUSE, "event": "event.nursery_cry"}
        until_s = time.monotonic() + PATIENCE_S
        while True:
            states = self.home.states()
            found = {key: states.get(names[key], {}).get("state") for key in wanted}
            if found == wanted:
                return states
            assert time.monotonic() < until_s, f"waited for {wanted}, there is {found}"
            time.sleep(0.2)

    def _start(self, command):
        environment = dict(self.microphone.environment, XDG_STATE_HOME=str(self.folder))
        arguments = [sys.executable, "-m", "edge.commands.main", command, "--config", str(self._config)]
        with (self.folder / (command + ".log")).open("ab") as log:
            return subprocess.Popen(arguments, cwd=REPOSITORY, env=environment, stderr=log)

    def stored(self):
        """(events, health) of the database."""
        with Store(str(self.folder / "night.db"), read_only=True) as store:
            return store.events(), store.health()
