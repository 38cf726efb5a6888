"""`cry-monitor run` hears on, whoever takes what it tells: stdout, stderr and the local socket."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
from daemon_process import stop, wait_for
from loud_bundle import noise_burst
from socket_reader import Connection, wait_until
from virtual_microphone import REPOSITORY

from edge.store import Store

HEARD = "stopped: heard 22.0 s, 1 events"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "night.db")


@pytest.fixture
def socket_path():
    """Not in pytest's tmp_path: the path of a Unix socket may have 107 bytes."""
    folder = tempfile.mkdtemp(prefix="cry")
    yield os.path.join(folder, "socket")
    shutil.rmtree(folder)


@pytest.fixture
def hear(environment, loud_bundle, burst_wav, path):
    """hear(stdout, stderr, *arguments) -> exit status of the daemon over the burst, with those descriptors.

    "closed", a path that is opened for writing, "no reader" or "slow": a pipe that nobody reads.
    """

    def hear(stdout, stderr, *arguments):
        command = [sys.executable, "-m", "edge.commands.main", "run", "--bundle", loud_bundle, "--db", path]
        command += ["--source", "file:" + burst_wav, "--fast", "--json"] + list(arguments)
        outputs = [opened(stdout), opened(stderr)]

        def close():
            for number, what in ((1, stdout), (2, stderr)):
                if what == "closed":
                    os.close(number)

        try:
            return subprocess.call(
                command, cwd=REPOSITORY, env=environment, stdout=outputs[0][-1], stderr=outputs[1][-1], preexec_fn=close
            )
        finally:
            for number in set(outputs[0] + outputs[1]):
                os.close(number)

    return hear


def opened(what):
    """Descriptors to close afterwards, the last of which is written to."""
    if what == "closed":
        return [os.open(os.devnull, os.O_WRONLY)]
    if what not in ("slow", "no reader"):
        return [os.open(what, os.O_WRONLY | os.O_CREAT | os.O_APPEND)]
    reading, writing = os.pipe()
    if what == "no reader":
        os.close(reading)
        return [writing]
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 65536)  # there is no room left in it
    except BlockingIOError:
        os.set_blocking(writing, True)
    return [reading, writing]


@pytest.mark.parametrize("what", ["/dev/full", "closed", "no reader", "slow"])
def test_hearing_does_not_depend_on_who_takes_stdout(hear, path, tmp_path, what):
    log = str(tmp_path / "log")
    assert hear(what, log) == 0
    with open(log) as file:
        text = file.read()
    assert HEARD in text
    assert "Traceback" not in text and "internal error" not in text
    said = {"/dev/full": "No space left on device", "no reader": "Broken pipe"}.get(what)
    if said:
        assert text.count("not_told stdout: {}; what finds no room is dropped".format(said)) == 1
        assert "not told: stdout 2" in text
    with Store(path, read_only=True) as store:
        assert [event.state for event in store.events()] == ["ended"]
        assert ("not_told stdout" in [row.state for row in store.health()]) == bool(said)


@pytest.mark.once
@pytest.mark.parametrize("what", ["/dev/full", "closed", "no reader", "slow"])
def test_hearing_does_not_depend_on_who_takes_the_log(hear, path, tmp_path, what):
    out = str(tmp_path / "out")
    assert hear(out, what) == 0
    with open(out) as file:
        assert len(file.read().splitlines()) == 2
    with Store(path, read_only=True) as store:
        assert [event.state for event in store.events()] == ["ended"]
        assert [row.detail for row in store.health() if row.state == "stopped"][0].startswith(HEARD[len("stopped: ") :])


def test_neither_one_nor_the_other(hear, path):
    assert hear("/dev/full", "no reader") == 0
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1


@pytest.mark.once
def test_a_slow_reader_gets_all_that_fits(environment, loud_bundle, path):
    """stdout is a pipe that is read only at the end: what was told meanwhile is in it, whole lines."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.commands.main", "run", "--bundle", loud_bundle, "--db", path]
        + ["--source", "-", "--fast", "--json"],
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    samples = np.concatenate([noise_burst(4, 3, 7, seed) for seed in range(5)])
    process.stdin.write(np.round(32767 * samples).astype("<i2").tobytes())
    process.stdin.close()
    err = process.stderr.read().decode()
    assert "5 events" in err
    assert len(process.stdout.read().splitlines()) == 10
    assert process.wait() == 0


@pytest.fixture
def listening(start, loud_bundle, path, tmp_path, socket_path):
    """A daemon that is ready for PCM on standard input, with a local socket at socket_path."""
    config = tmp_path / "cry-monitor.toml"
    config.write_text('[socket]\npath = "{}"\n'.format(socket_path))
    process = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path, "--config", config)
    wait_for(process, "READY")
    return process


def send(process, samples):
    process.stdin.buffer.write(np.round(32767 * samples).astype("<i2").tobytes())
    process.stdin.flush()


def test_a_reader_is_told_what_is_heard_and_the_status(listening, socket_path, validate):
    reader = Connection(socket_path)
    first = reader.message()
    assert first["state"] == "starting" and first["bundle"]["name"] == "loud"
    send(listening, noise_burst(4, 3, 7))
    messages = [first]
    while messages[-1]["type"] != "event":
        messages.append(reader.message())
    messages.append(reader.message("status"))
    frames = [message for message in messages if message["type"] == "frame"]
    alerts = [message for message in messages if message["type"] == "alert"]
    assert len(alerts) == 1 and len(frames) >= 50
    assert [round(frame["t_s"], 1) for frame in frames[:3]] == [1.0, 1.2, 1.4]
    assert [message for message in messages if message["type"] == "status" and message["episode"]]
    last = messages[-1]
    assert (last["state"], last["episode"], last["last_event"]["end_s"]) == ("healthy", None, messages[-2]["end_s"])
    assert last["heard_s"] > 10 and last["dropped"]["socket"] == 0
    validate(messages, "socket")
    assert stop(listening)[0] == 0
    while messages[-1]:
        messages.append(reader.message())
    assert messages[-2]["state"] == "stopped"
    assert not os.path.exists(socket_path)


@pytest.mark.once
def test_twenty_readers_and_one_that_stops_reading_delay_nothing(listening, socket_path, path):
    readers = [Connection(socket_path) for _ in range(20)]
    refused = [reader.message()["type"] for reader in readers].count("refused")
    assert refused == 4
    for _ in range(10):
        send(listening, noise_burst(4, 3, 7))
        wait_for(listening, "event: ")
    status, _, err, _ = stop(listening)
    assert status == 0
    assert " 10 events" in err and "not told: socket " in err
    with Store(path, read_only=True) as store:
        said = [row.detail for row in store.health() if row.state == "not_told"]
    assert said.count("socket: one more than 16 readers was refused") == 4
    assert any(detail.endswith("does not read and was dropped") for detail in said)


def test_a_reader_that_hammers_delays_nothing(listening, socket_path):
    hammer = Connection(socket_path)
    hammer.socket.setblocking(False)
    until_s = time.monotonic() + 2.0
    send(listening, noise_burst(4, 3, 7))
    while time.monotonic() < until_s:
        try:
            hammer.send(b'{"request": "status"}\n' * 100)
        except OSError:  # it is not listened to for now
            time.sleep(0.01)
        with socket.socket(socket.AF_UNIX) as more:
            more.setblocking(False)
            more.connect_ex(socket_path)
    send(listening, noise_burst(4, 3, 7))
    for _ in range(2):
        wait_for(listening, "event: ")
    assert stop(listening)[0] == 0


@pytest.mark.once
@pytest.mark.parametrize("kind", ["too long", "taken", "a file", "not writable", "left by the dead"])
def test_a_place_that_cannot_be_it_is_one_line_and_hearing_goes_on(
    run, loud_bundle, burst_wav, path, tmp_path, socket_path, kind
):
    taken = socket.socket(socket.AF_UNIX)
    if kind in ("taken", "left by the dead"):
        taken.bind(socket_path)
    if kind == "taken":
        taken.listen(1)
    elif kind == "left by the dead":
        taken.close()
    elif kind == "a file":
        open(socket_path, "w").close()
    place = {"too long": "/tmp/" + "s" * 120, "not writable": "/proc/nowhere/socket"}.get(kind, socket_path)
    config = tmp_path / "cry-monitor.toml"
    config.write_text('[socket]\npath = "{}"\n'.format(place))
    arguments = ("--bundle", loud_bundle, "--db", path, "--config", config, "--source", "file:" + burst_wav, "--fast")
    finished = run("run", *arguments)
    assert finished.status == 0 and HEARD in finished.err
    said = {
        "too long": "its path has 125 bytes and may have 107",
        "taken": "is the socket of process {}".format(os.getpid()),
        "a file": "is there and is no socket",
        "not writable": "cannot be made (No such file or directory)",
    }.get(kind)
    lines = [line for line in finished.err.splitlines() if "no socket: " in line]
    assert len(lines) == bool(said)
    if said:
        assert said in lines[0] and "hearing goes on without it" in lines[0]
    taken.close()


def test_no_socket_when_it_is_switched_off(run, loud_bundle, burst_wav, path, tmp_path):
    config = tmp_path / "cry-monitor.toml"
    config.write_text("[socket]\nenabled = false\n")
    run("run", "--bundle", loud_bundle, "--db", path, "--config", config, "--source", "file:" + burst_wav, "--fast")
    assert not os.path.exists(path + ".socket")


def test_it_is_beside_the_database_by_default(start, loud_bundle, path):
    process = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path)
    wait_for(process, "READY")
    wait_until(lambda: os.path.exists(path + ".socket"))
    stop(process)
    assert not os.path.exists(path + ".socket")
