"""The daemon on a sender of the network: every state, every second, and its password nowhere."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from fake_sender import FakeSender
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

pytestmark = pytest.mark.once  # seconds of a clock, the same under every Python
LAST = re.compile(r"heard ([\d.]+) s.*passed ([\d.]+) s, skipped ([\d.]+) s")
SECRET = "hush-little-baby"


class Daemon:
    """`cry-monitor run` with that configuration, its log read as it comes."""

    def __init__(self, folder, bundle, configuration):
        (folder / "cot.toml").write_text(configuration)
        environment = dict(os.environ, XDG_STATE_HOME=str(folder))
        for name in ("NOTIFY_SOCKET", "JOURNAL_STREAM", "STATE_DIRECTORY", "RUNTIME_DIRECTORY"):
            environment.pop(name, None)
        command = ["run", "--bundle", str(bundle), "--config", str(folder / "cot.toml"), "--db", str(folder / "cot.db")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge.commands.main"] + command,
            cwd=REPOSITORY,
            env=environment,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(iter(self.process.stderr.readline, "")))
        self._reader.start()

    def wait_for(self, text, since=0):
        """The number of the line that holds the text, from that one on."""
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            for number, line in enumerate(list(self.lines)):
                if number >= since and text in line:
                    return number
            time.sleep(0.02)
        raise AssertionError("{!r} was never logged: {}".format(text, "".join(self.lines)))

    def stop(self):
        """End it; (seconds heard, passed, lost)."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)
        self._reader.join()
        self.process.stderr.close()
        assert self.process.returncode == 0, "".join(self.lines)
        return tuple(map(float, LAST.search(self.lines[-1]).groups()))


@pytest.fixture
def daemon(tmp_path, loud_bundle):
    """daemon(configuration) -> Daemon; killed at the end."""
    started = []

    def daemon(configuration):
        started.append(Daemon(tmp_path, loud_bundle, configuration))
        return started[-1]

    yield daemon
    for each in started:
        each.process.kill()
        each.process.wait()


def test_a_sender_that_ends_and_is_gone_is_waited_for_and_every_second_is_counted(ffmpeg, daemon, tmp_path):
    sender = FakeSender(password=SECRET)
    (tmp_path / "password").write_text(SECRET + "\n")
    source = sender.address.replace("//", "//baby@")
    running = daemon('[audio]\nsource = "{}"\npassword_file = "{}"\n'.format(source, tmp_path / "password"))
    mark = running.wait_for("healthy: hearing " + sender.address)
    sender.close()
    mark = running.wait_for("recovering: camera '{}' sends no more".format(sender.address), mark)
    mark = running.wait_for("lost: camera {} refuses the connection".format(sender.address), mark)
    again = FakeSender(port=sender.port, password=SECRET)
    try:
        running.wait_for("healthy: hearing", mark)
        heard_s, passed_s, lost_s = running.stop()
    finally:
        again.close()
    assert abs(heard_s + lost_s - passed_s) < 0.5 and lost_s > 0
    said = "".join(running.lines)
    assert SECRET not in said and "baby@" not in said
    with open(str(tmp_path / "cot.db"), "rb") as database:
        assert SECRET.encode() not in database.read()


def test_a_password_in_the_configuration_is_refused_without_being_repeated(daemon):
    running = daemon('[audio]\nsource = "rtsp://baby:{}@192.0.2.1/cot"\n'.format(SECRET))
    assert running.process.wait(PATIENCE_S) == 1
    running._reader.join()
    (line,) = running.lines
    assert "audio.password_file" in line and SECRET not in line


def test_a_source_that_is_none_is_shown_without_its_password(daemon):
    running = daemon('[audio]\nsource = "rtps://baby:{}@192.0.2.1/cot"\n'.format(SECRET))
    running.wait_for("audio.source")
    running.process.wait(PATIENCE_S)
    running._reader.join()
    assert running.process.returncode == 1 and SECRET not in "".join(running.lines)


def test_the_doctor_hears_it_and_says_whose_the_network_is(sender, daemon, tmp_path):
    source = '[audio]\nsource = "{}"\n'.format(sender.address)
    running = daemon(source)
    running.wait_for("healthy: hearing")
    seen = {}
    for arguments in (["--config", str(tmp_path / "cot.toml")], ["--privacy", "--pid", str(running.process.pid)]):
        done = subprocess.Popen(
            [sys.executable, "-m", "edge.commands.main", "doctor", "--json", "--db", str(tmp_path / "cot.db")]
            + arguments,
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
        )
        seen.update((finding["name"], finding) for finding in map(json.loads, done.communicate()[0].splitlines()))
    assert seen["microphone"]["found"] == "camera " + sender.address and seen["level"]["state"] == "ok"
    assert seen["sockets"]["state"] == "warning" and "ffmpeg" in seen["sockets"]["found"]
