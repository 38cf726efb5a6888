"""What a real Home Assistant shows of a real monitor, and asks of it: crying on, off, and unavailable whenever nobody
listens; broker, bridge and monitor killed; marks and a pause. One house for all tests: they follow each other."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
for room in ("", "bridge", "commands"):
    sys.path.insert(0, str(REPOSITORY / "tests" / "edge" / room))

from house import HomeAssistant  # noqa: E402
from receivers import Mosquitto, free_port, until  # noqa: E402
from virtual_microphone import VirtualMicrophone, what_is_not_installed  # noqa: E402

from edge.store import Store  # noqa: E402
from edge.synthesis import infant_cry  # noqa: E402
from edge.synthesis.signals import to_level  # noqa: E402

PATIENCE_S = 60.0
CRY_S, LONG_CRY_S = 8.0, 40.0
CRYING, MICROPHONE, PAUSE = "binary_sensor.nursery_crying", "sensor.nursery_microphone", "switch.nursery_pause"
ENTITIES = {
    CRYING,
    "binary_sensor.nursery_hearing",
    "binary_sensor.nursery_loud",
    MICROPHONE,
    "sensor.nursery_cry_probability",
    "sensor.nursery_sound_level",
    "sensor.nursery_cause",
    "sensor.nursery_last_cry",
    "sensor.nursery_crying_today",
    "event.nursery_cry",
    "button.nursery_mark_as_crying",
    "button.nursery_mark_as_something_else",
    PAUSE,
}
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


@pytest.fixture(scope="module")
def house():
    missing = what_is_not_installed()
    if missing:
        pytest.skip("no virtual microphone: " + missing)
    with tempfile.TemporaryDirectory(prefix="house") as folder:  # a socket's path has 107 bytes
        house = House(Path(folder))
        yield house
        house.close()


def test_every_entity_is_found(house):
    states = house.wait_for(crying="off", microphone="healthy", pause="off")
    assert {entity for entity in states if ".nursery" in entity} == ENTITIES


def test_crying_is_on_and_off_again_and_told_as_an_event(house):
    house.play_cry(CRY_S)
    house.wait_for(crying="on")
    states = house.wait_for(crying="off")
    assert states["event.nursery_cry"]["attributes"]["event_type"] == "ended"
    assert states["sensor.nursery_last_cry"]["state"].startswith("20")
    assert states["sensor.nursery_cause"]["state"] == "uncertain"


def test_a_mark_from_home_assistant_is_kept_with_the_cry(house):
    house.home.call("button/press", "button.nursery_mark_as_crying")
    until(lambda: house.stored()[0][-1].mark == "cry", PATIENCE_S)


def test_a_pause_is_shown_as_one_and_ends_when_it_is_switched_off(house):
    house.home.call("switch/turn_on", PAUSE)
    house.wait_for(pause="on", microphone="paused", crying="unavailable")
    house.home.call("switch/turn_off", PAUSE)
    house.wait_for(pause="off", microphone="healthy", crying="off")
    assert "paused" in [row.state for row in house.stored()[1]]


def test_a_killed_bridge_is_unavailable_and_ends_its_pause(house):
    house.home.call("switch/turn_on", PAUSE)
    house.wait_for(pause="on", crying="unavailable")
    house.bridge.kill()
    house.bridge.wait()
    house.wait_for(crying="unavailable", microphone="unavailable", pause="unavailable")
    until(lambda: "gone" in house.stored()[1][-1].detail, PATIENCE_S)
    house.start_bridge()
    house.wait_for(crying="off", microphone="healthy", pause="off")


def test_a_microphone_that_goes_in_a_cry_leaves_it_unavailable_and_comes_back_as_off(house):
    house.play_cry(LONG_CRY_S, seed=2)
    house.wait_for(crying="on")
    house.microphone.kill()
    states = house.wait_for(crying="unavailable")
    assert states[MICROPHONE]["state"] in ("stalled", "recovering", "lost")
    house.microphone.start()
    house.wait_for(microphone="healthy", crying="off")


def test_a_restarted_broker_is_told_everything(house):
    house.mosquitto.kill()
    house.wait_for(crying="unavailable", microphone="unavailable")
    house.mosquitto.start()
    house.wait_for(crying="off", microphone="healthy", pause="off")


def test_a_killed_monitor_is_unavailable_and_never_clear(house):
    house.play_cry(LONG_CRY_S, seed=3)
    house.wait_for(crying="on")
    house.monitor.kill()
    house.monitor.wait()
    house.wait_for(crying="unavailable", microphone="gone")
    house.start_monitor()
    house.wait_for(microphone="healthy")


def test_a_bridge_that_hangs_is_not_believed_for_ever(house):
    """The broker gives its connection up, or what is not repeated expires: it is not believed for ever."""
    os.kill(house.bridge.pid, signal.SIGSTOP)
    try:
        house.wait_for(crying="unavailable")
    finally:
        os.kill(house.bridge.pid, signal.SIGCONT)
    house.wait_for(microphone="healthy")
