"""The camera's service, started as systemd starts it: sound goes one way through the socket, and ends when told."""

import os
import socket
import stat
import subprocess
import sys
import time

import pytest
from patience import PATIENCE_S
from virtual_microphone import REPOSITORY

from edge.audio import open_source
from edge.errors import UserError

# systemd gives the process its own number, and the listening socket as descriptor 3.
AS_SYSTEMD = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
    "os.execv(sys.executable, [sys.executable, '-m', 'edge.camera', sys.argv[2]])"
)


@pytest.fixture
def service(tmp_path, monkeypatch):
    """service(configuration) -> Popen; this process is asked to hear through it."""
    started = []

    def service(text):
        (tmp_path / "cot.toml").write_text(text)
        path = str(tmp_path / "camera.socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path)
            listening.listen(5)
            number = listening.fileno()
            started.append(
                subprocess.Popen(
                    [sys.executable, "-c", AS_SYSTEMD, str(number), str(tmp_path / "cot.toml")],
                    cwd=REPOSITORY,
                    pass_fds=[number],
                    stderr=subprocess.PIPE,
                    universal_newlines=True,
                )
            )
        monkeypatch.setenv("CRY_MONITOR_CAMERA", path)
        return started[-1]

    yield service
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def container(tmp_path, monkeypatch):
    """container(configuration) -> Popen of the service without systemd, once it listens where both are told to."""
    started = []
    path = tmp_path / "camera.socket"
    monkeypatch.setenv("CRY_MONITOR_CAMERA", str(path))

    def container(text):
        (tmp_path / "cot.toml").write_text(text)
        command = [sys.executable, "-m", "edge.camera", str(tmp_path / "cot.toml")]
        started.append(subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, universal_newlines=True))
        until_s = time.monotonic() + PATIENCE_S
        while started[-1].poll() is None and not is_listening(path):
            assert time.monotonic() < until_s
            time.sleep(0.02)
        return started[-1]

    yield container
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def is_listening(path):
    """Whether somebody takes connections at a socket; asking is a listener who hangs up at once."""
    with socket.socket(socket.AF_UNIX) as asking:
        return asking.connect_ex(str(path)) == 0


def children_of(pid):
    """Numbers of a process's children."""
    with open("/proc/{0}/task/{0}/children".format(pid)) as file:
        return file.read().split()


def test_the_sound_comes_through_the_socket_and_ffmpeg_ends_with_whoever_listens(sender, service):
    process = service('[audio]\nsource = "{}"\n'.format(sender.address))
    for _ in range(2):
        with open_source(sender.address) as source:
            assert len(next(source.blocks())) == 3200 and source.name == sender.address
            assert len(children_of(process.pid)) == 1 and not children_of(os.getpid())[1:]
        until_s = time.monotonic() + PATIENCE_S
        while children_of(process.pid) and time.monotonic() < until_s:
            time.sleep(0.02)
        assert not children_of(process.pid)
    assert process.poll() is None


def test_a_frozen_camera_holds_nobody_who_hangs_up(sender, service):
    process = service('[audio]\nsource = "{}"\n'.format(sender.address))
    with open_source(sender.address) as source:
        next(source.blocks())
        sender.freeze()
    sender.thaw()
    with open_source(sender.address) as source:
        next(source.blocks())
    assert process.poll() is None


def test_what_fails_in_the_service_is_said_to_who_hears_and_once_in_its_log(sender, service):
    process = service('[audio]\nsource = "{}/other"\n'.format(sender.address))
    for _ in range(2):
        with pytest.raises(UserError) as failed:
            open_source(sender.address)
        assert "has no such stream (404)" in str(failed.value)
    process.terminate()
    _, said = process.communicate(timeout=PATIENCE_S)
    assert said.count("has no such stream (404)") == 1 and process.returncode == 0


def test_a_configuration_that_names_no_camera_is_said(service):
    service('[audio]\nsource = "mic"\n')
    with pytest.raises(UserError) as failed:
        open_source("rtsp://192.0.2.1/cot")
    assert "is no camera" in str(failed.value)


def test_no_service_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CRY_MONITOR_CAMERA", str(tmp_path / "nobody"))
    with pytest.raises(UserError) as failed:
        open_source("rtsp://192.0.2.1/cot")
    assert "systemctl status" in str(failed.value)


def test_another_address_has_systemd_start_it_anew(sender, service, tmp_path):
    process = service('[audio]\nsource = "{}"\n'.format(sender.address))
    with open_source(sender.address) as source:
        next(source.blocks())
    (tmp_path / "cot.toml").write_text('[audio]\nsource = "{}/other"\n'.format(sender.address))
    with pytest.raises(UserError):
        open_source(sender.address)
    assert process.wait(PATIENCE_S) == 75  # allow.py is asked before the next start


def test_without_systemd_it_listens_where_both_are_told_to_and_a_killed_one_is_followed(sender, container, tmp_path):
    for _ in range(2):
        process = container('[audio]\nsource = "{}"\n'.format(sender.address))
        assert stat.S_IMODE((tmp_path / "camera.socket").stat().st_mode) == 0o600
        with open_source(sender.address) as source:
            assert len(next(source.blocks())) == 3200 and len(children_of(process.pid)) == 1
        process.kill()
        process.wait()


def test_a_place_where_no_socket_can_be_is_said(container, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRY_MONITOR_CAMERA", str(tmp_path / "file" / "socket"))
    process = container("")
    assert process.wait(PATIENCE_S) == 1
    assert "set CRY_MONITOR_CAMERA to where this user may write" in process.stderr.read()
