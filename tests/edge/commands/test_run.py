"""`cry-monitor run`, the daemon: it hears, writes, waits for a microphone and ends in good order."""

import json
import os
import signal
import socket
import time

import numpy as np
import pytest
from daemon_process import on_virtual_microphone, stop, wait_for
from loud_bundle import noise_burst
from patience import PATIENCE_S, how_much_slower

from edge.store import Store

ENDS_WITHIN_S = 2.0


def pcm(samples):
    """Samples as the PCM that standard input takes."""
    return np.round(32767 * samples).astype("<i2").tobytes()


def health_states(path):
    with Store(path, read_only=True) as store:
        return [row.state for row in store.health()]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "night.db")


@pytest.fixture
def fast(run, loud_bundle, burst_wav, path):
    """fast(*arguments) -> the daemon over the burst as quickly as it goes."""

    def fast(*arguments, **changes):
        source = ("--source", "file:" + burst_wav, "--fast")
        return run("run", "--bundle", loud_bundle, "--db", path, *(source + arguments), **changes)

    return fast


def test_every_line_and_message_of_one_among_several_names_it(fast, validate):
    finished = fast("--json", "--name", "cot")
    assert finished.status == 0
    validate(finished.objects(), "run")
    assert [fields["source"] for fields in finished.objects()] == ["cot", "cot"]
    assert all(line.split(None, 3)[3].startswith("[cot] ") for line in finished.err.splitlines())


def test_a_name_that_could_not_stand_in_a_path_is_refused(run_here):
    finished = run_here("run", "--name", "../cot")
    assert finished.status == 2 and "letters, digits" in finished.err


def test_a_recording_is_heard_its_event_written_and_systemd_told(fast, burst_wav, path, tmp_path, validate):
    before_utc, address = time.time(), str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        finished = fast("--json", NOTIFY_SOCKET=address)
        systemd.settimeout(PATIENCE_S)
        told = [systemd.recv(4096).decode() for _ in range(3)]
    assert finished.status == 0
    alert, event = finished.objects()
    validate([alert, event], "run")

    with Store(path, read_only=True) as store:
        (stored,) = store.events()
        minutes = store.minutes()
    assert stored.end_utc - stored.start_utc == pytest.approx(event["end_s"] - event["start_s"])
    assert stored.start_utc == pytest.approx(before_utc + event["start_s"], abs=10)
    assert sum(minute.frames for minute in minutes) == 106
    assert sum(minute.duration_s for minute in minutes) == 22.0
    assert health_states(path) == ["started", "healthy", "stopped"]

    err = finished.err
    assert err.index("READY") < err.index("hearing " + burst_wav)  # before it listens
    assert "bundle loud 1.0.0" in err and "engine " in err
    assert "alert: crying" in err and "event: cried for" in err
    assert "stopped: heard 22.0 s, 1 events, 0 missed deadlines" in err
    assert "frames: 110 in, 110 processed, 0 skipped; healthy " in err

    assert told[0].startswith("READY=1\nSTATUS=engine ")
    assert told[1].startswith("STATUS=healthy: hearing ")
    assert told[2].startswith("STOPPING=1")


def test_the_log_as_json(fast):
    finished = fast("--log-json")
    lines = [json.loads(line) for line in finished.err.splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset({"time_utc", "level", "message"})}
    assert any(line["message"].startswith("READY") for line in lines)


def test_flags_win_over_the_configuration(run, loud_bundle, burst_wav, path, tmp_path):
    config = tmp_path / "cry-monitor.toml"
    config.write_text(
        '[audio]\nsource = "mic"\n[store]\npath = "{}"\n[decision]\nmin_event_s = 30\n'.format(tmp_path / "other.db")
    )
    finished = run(
        "run", "--config", config, "--bundle", loud_bundle, "--source", "file:" + burst_wav, "--fast", "--db", path
    )
    assert finished.status == 0
    assert ", p 1.00, brief" in finished.err  # min_event_s still comes from the file
    assert os.path.exists(path)
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_an_episode_ends_and_writes_it(start, loud_bundle, path, number):
    process = start("run", "--source", "-", "--bundle", loud_bundle, "--db", path)
    process.stdin.buffer.write(pcm(noise_burst(4, 6, 0)))
    process.stdin.flush()
    wait_for(process, "alert")
    time.sleep(0.2)
    status, _, err, took_s = stop(process, number)
    assert status == 0
    assert took_s < ENDS_WITHIN_S * how_much_slower()
    assert "stopped: heard 10.0 s, 1 events" in err
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 1
    assert health_states(path)[-1] == "stopped"


def test_kill_9_leaves_what_was_reported_readable(start, loud_bundle, path):
    process = start("run", "--source", "-", "--json", "--bundle", loud_bundle, "--db", path)
    process.stdin.buffer.write(pcm(np.concatenate([noise_burst(4, 3, 27, seed) for seed in range(3)])))
    process.stdin.flush()
    reported = 0
    while reported < 2:
        reported += json.loads(process.stdout.readline())["type"] == "event"
    process.kill()
    process.wait()
    with Store(path) as store:
        assert 2 <= len(store.events()) <= 3
        assert store._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_without_a_microphone_it_says_so_once_and_waits(start, loud_bundle, path, tmp_path):
    no_sound = tmp_path / "asound.conf"
    no_sound.write_text("pcm.!default { type null_device_that_is_not_there }\n")
    process = start("run", "--bundle", loud_bundle, "--db", path, ALSA_CONFIG_PATH=str(no_sound))
    wait_for(process, "READY")
    assert "trying again until it works" in wait_for(process, "lost: ")
    time.sleep(2.5)
    assert process.poll() is None
    status, _, err, took_s = stop(process)
    assert status == 0
    assert took_s < ENDS_WITHIN_S * how_much_slower()
    assert "lost: " not in err
    assert health_states(path) == ["started", "lost", "stopped"]


@pytest.mark.once
def test_a_microphone_that_dies_is_found_again(start, virtual_microphone, loud_bundle, path):
    process = start("run", "--bundle", loud_bundle, "--db", path, **on_virtual_microphone(virtual_microphone))
    wait_for(process, "hearing")
    virtual_microphone.play(noise_burst(1, 2, 1))
    virtual_microphone.kill()
    wait_for(process, "event:")
    wait_for(process, "lost: ")
    virtual_microphone.start()
    assert "healthy: hearing default" in wait_for(process, "hearing")
    played_utc = time.time()
    virtual_microphone.play(noise_burst(1, 2, 7))
    wait_for(process, "event:")
    status, _, _, took_s = stop(process)
    assert status == 0
    assert took_s < ENDS_WITHIN_S * how_much_slower()
    with Store(path, read_only=True) as store:
        events = store.events()
    assert len(events) == 2
    assert events[1].start_utc == pytest.approx(played_utc + 1, abs=0.5)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--fast", "--source", "mic"), "--fast is for recordings, and the source is mic"),
        (("--source", "radio"), "unknown audio source 'radio'"),
        (("--source", "file:/nowhere.wav"), "/nowhere.wav: no such file"),
        (("--config", "/nowhere.toml"), "cannot read the configuration /nowhere.toml"),
        (("--bundle", "/nowhere"), "/nowhere"),
    ],
)
def test_what_cannot_work_is_said_and_ends_with_1(run_here, loud_bundle, path, arguments, said):
    finished = run_here("run", "--bundle", loud_bundle, "--db", path, *arguments)
    assert finished.status == 1
    (line,) = [line for line in finished.err.splitlines() if "error: " in line]
    assert line.startswith("cry-monitor: error: ") and said in line


@pytest.mark.parametrize(
    "text, said",
    [
        ("[decision]\nmin_evnt_s = 1\n", "unknown key decision.min_evnt_s; did you mean min_event_s?"),
        ("[decision]\nmerge_gap_s = 601\n", "decision.merge_gap_s = 601.0: valid is a number, 0 to 600 s"),
    ],
)
def test_a_wrong_configuration_is_said(run_here, tmp_path, text, said):
    config = tmp_path / "cry-monitor.toml"
    config.write_text(text)
    finished = run_here("run", "--config", config)
    assert finished.status == 1
    assert finished.err == "cry-monitor: error: {}: {}\n".format(config, said)
