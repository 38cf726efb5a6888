"""How a build that takes minutes is told, to people and to systemd."""

import socket
import time

import pytest
from patience import PATIENCE_S
from standin_tensorrt import Board

from edge.engines import open_tensorrt
from edge.engines.tensorrt import progress as progress_module
from edge.engines.tensorrt.progress import BuildProgress


def test_tensorrts_own_phases_are_told(use, files, said, monkeypatch):
    monkeypatch.setattr(progress_module, "TICK_S", 0.05)
    monkeypatch.setattr(progress_module, "SAY_EVERY_S", 0.1)
    monkeypatch.setattr(BuildProgress.__init__, "__defaults__", (0.05, 300.0))
    board = use(Board("10.3.0"))

    def build(config):
        monitor = config.given["monitor"]
        monitor.phase_start("Timing Graph Nodes", None, 12)
        assert monitor.step_complete("Timing Graph Nodes", 4) is True
        time.sleep(0.3)
        monitor.phase_finish("Timing Graph Nodes")

    board.while_building = build
    open_tensorrt(files, "fp16", "detector", said.append)
    assert any("so far, Timing Graph Nodes 5 of 12" in line for line in said)
    assert said[-1].startswith("built from onnx_typed in ")


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """The socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def received(systemd):
    messages = []
    while True:
        try:
            messages.append(systemd.recv(100))
        except BlockingIOError:
            return messages


def test_systemd_is_kept_patient_while_the_build_lives(systemd, said):
    messages = [0]
    with BuildProgress(said.append, lambda: messages[0], tick_s=0.05, stalled_after_s=1.0):
        for _ in range(30):
            messages[0] += 1
            time.sleep(0.05)
    asked = received(systemd)
    assert len(asked) >= 5 and set(asked) == {b"EXTEND_TIMEOUT_USEC=60000000"}
    assert not [line for line in said if "has not moved" in line]


@pytest.mark.once
def test_a_build_that_works_in_silence_lives(systemd, said):
    with BuildProgress(said.append, lambda: 0, tick_s=0.05, stalled_after_s=2.0):
        until_s = time.monotonic() + 3.0
        while time.monotonic() < until_s:
            sum(range(1000))
            received(systemd)
    assert not [line for line in said if "has not moved" in line]


def test_a_build_that_hangs_is_left_to_systemd(systemd, said):
    with BuildProgress(said.append, lambda: 0, tick_s=0.05, stalled_after_s=0.2):
        patient_until = time.monotonic() + PATIENCE_S
        while not said and time.monotonic() < patient_until:
            time.sleep(0.05)
        assert received(systemd)
        time.sleep(0.3)
        assert received(systemd) == []
    assert len(said) == 1 and "systemd is no longer asked to wait" in said[0]
