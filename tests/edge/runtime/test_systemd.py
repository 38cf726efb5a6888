"""systemd is told through its socket, by path or abstract name, and its absence is no trouble."""

import os
import socket

import pytest
from patience import PATIENCE_S

import edge.runtime.systemd
from edge.runtime.systemd import SystemdSink, extend_start_timeout, notify


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path, monkeypatch):
    """The socket systemd would listen on."""
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = "@cry-monitor-test-{}".format(os.getpid())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        try:
            listening.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        except OSError as error:
            pytest.skip("no such socket here: {}".format(error))
        listening.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        yield listening


def test_it_is_told(systemd):
    notify("READY=1\nSTATUS=h\xf6rt zu")
    assert systemd.recv(100).decode("utf-8") == "READY=1\nSTATUS=h\xf6rt zu"


def test_more_time_is_asked_for_in_microseconds(systemd):
    extend_start_timeout(30)
    assert systemd.recv(100) == b"EXTEND_TIMEOUT_USEC=30000000"


@pytest.mark.parametrize("asked", [None, ""])
def test_who_has_not_asked_is_not_told_and_nothing_is_said_of_it(systemd, monkeypatch, caplog, asked):
    monkeypatch.delenv("NOTIFY_SOCKET")
    if asked is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", asked)
    notify("READY=1")
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)
    assert caplog.text == ""


def test_the_status_is_told_when_its_line_changes_and_only_then(systemd):
    sink = SystemdSink()
    for line in ("healthy: hearing USB", "healthy: hearing USB", "lost: unplugged"):
        sink.status({"line": line})
    assert [systemd.recv(100) for _ in range(2)] == [b"STATUS=healthy: hearing USB", b"STATUS=lost: unplugged"]
    systemd.setblocking(False)
    with pytest.raises(BlockingIOError):
        systemd.recv(100)


def test_a_socket_that_is_gone_is_a_warning(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")
    assert "systemd could not be told" in caplog.text


def test_a_reader_that_does_not_read_holds_nobody_up(systemd, monkeypatch, caplog):
    monkeypatch.setattr(edge.runtime.systemd, "PATIENCE_S", 0.05)
    for _ in range(1000):
        notify("STATUS=" + 100 * "x")
        if "systemd could not be told (timed out)" in caplog.text:
            return
    pytest.fail("1000 messages went somewhere")
