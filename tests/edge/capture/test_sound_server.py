"""Where a stream is recorded from, as a real sound server says it; and servers that say something else."""

import os
import socket
import subprocess
import threading
import time

import pytest
from patience import PATIENCE_S

from edge.capture import sound_server
from edge.capture.sound_server import Fields, StreamWatch, socket_path

NOTICED_WITHIN_S = 20.0  # on whatever machine


class Told:
    """What a watch told."""

    def __init__(self, watch):
        self.text = ""
        self._thread = threading.Thread(target=watch.until_it_moves, args=(self._tell,), daemon=True)
        self._thread.start()

    def _tell(self, text):
        self.text = text

    def wait(self):
        self._thread.join(NOTICED_WITHIN_S)
        assert not self._thread.is_alive()
        return self.text


@pytest.fixture
def recording(virtual_microphone, monkeypatch):
    """The process number of a program that records from the virtual microphone."""
    for name, value in virtual_microphone.environment.items():
        monkeypatch.setenv(name, value)
    process = subprocess.Popen(["parec", "--raw"], env=virtual_microphone.environment, stdout=subprocess.PIPE)
    process.stdout.read(100)
    yield process.pid
    process.kill()
    process.communicate()


def pactl(*arguments):
    return subprocess.check_output(("pactl",) + arguments, universal_newlines=True)


def watched(pid):
    """A watch over the stream of that process that has begun."""
    watch = StreamWatch(pid)
    assert watch.default == "microphone"
    told = Told(watch)
    while not watch._source:
        time.sleep(0.01)
    assert watch._source == "microphone"
    return told


@pytest.mark.once
def test_a_stream_that_somebody_moved_is_noticed(recording):
    told = watched(recording)
    streams = [line.split() for line in pactl("list", "short", "source-outputs").splitlines()]
    (stream,) = [number for number, _, client, driver, *_ in streams if client != "-"]
    pactl("move-source-output", stream, "stereo48.monitor")
    assert told.wait() == "was moved by the sound server from 'microphone' to 'stereo48.monitor'"


@pytest.mark.once
def test_another_default_moves_the_stream(recording):
    told = watched(recording)
    pactl("set-default-source", "stereo48.monitor")
    assert told.wait() == "was moved by the sound server from 'microphone' to 'stereo48.monitor'"


class OldServer:
    """Says what an old sound server would, which leaves streams where they are when the default changes."""

    stream, default = "usb", "usb"

    def source_of_stream(self, _pid):
        return self.stream

    def default_source(self):
        return self.default


def test_another_default_is_noticed_where_the_stream_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "nowhere"))
    watch, server = StreamWatch(1), OldServer()
    watch.default = "usb"
    assert watch._what_happened(server) is None
    server.default = "camera"
    assert watch._what_happened(server) == "is no longer the default of the sound server, which is 'camera' now"


def test_a_stream_between_two_sources_is_waited_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "nowhere"))
    watch, server = StreamWatch(1), OldServer()
    for server.stream, happened in (("", None), ("usb", None), ("", None), ("usb", None)):
        assert watch._what_happened(server) is happened
    server.stream = "camera"
    assert watch._what_happened(server) == "was moved by the sound server from 'usb' to 'camera'"
    server.stream = None
    assert watch._what_happened(server) == ""


def test_a_stream_that_was_asked_for_elsewhere_has_nothing_to_do_with_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "nowhere"))
    watch, server = StreamWatch(1), OldServer()
    watch.default = server.default = "camera"
    assert watch._what_happened(server) is None
    server.default = "third"
    assert watch._what_happened(server) is None


@pytest.mark.once
def test_what_happens_to_others_is_no_move(recording, virtual_microphone):
    told = watched(recording)
    pactl("load-module", "module-null-sink", "sink_name=other")
    pactl("set-default-sink", "other")
    time.sleep(0.5)
    assert told.text == "" and told._thread.is_alive()


@pytest.mark.once
def test_a_process_without_a_stream_is_not_watched(recording):
    assert Told(StreamWatch(os.getpid())).wait() == ""


@pytest.fixture(params=[b"", b"\0" * 100, b"\xff" * 100, b"\0\0\0\x0c\xff\xff\xff\xff" + 12 * b"\0" + 12 * b"L"])
def strange_server(request, tmp_path, monkeypatch):
    """Something that answers every question with the same bytes, and closes."""
    path = str(tmp_path / "native")
    monkeypatch.setenv("PULSE_SERVER", "unix:" + path)
    monkeypatch.setattr(sound_server, "ANSWER_S", 0.2)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen(5)
        listening.settimeout(PATIENCE_S)

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(request.param)
                connection.recv(10000)

        answering = threading.Thread(target=answer)
        answering.start()
        yield path
        answering.join()


def test_a_strange_server_is_no_trouble(strange_server):
    assert StreamWatch(os.getpid()).default == ""


def test_without_a_server_nothing_is_watched(monkeypatch, tmp_path):
    monkeypatch.setenv("PULSE_SERVER", str(tmp_path / "nowhere"))
    watch = StreamWatch(os.getpid())
    assert watch.default == ""
    assert Told(watch).wait() == ""


@pytest.mark.parametrize(
    "named, path",
    [
        ("unix:/run/a", "/run/a"),
        ("/run/b", "/run/b"),
        ("tcp:nursery:4713", ""),
        ("nursery", ""),
    ],
)
def test_a_server_that_is_named_is_taken_if_it_is_on_this_machine(monkeypatch, named, path):
    monkeypatch.setenv("PULSE_SERVER", named)
    assert socket_path() == path


def test_an_answer_that_ends_too_early_is_not_understood():
    for packet in (b"L\0\0", b"tmicrophone", b"P", b"x\0\0\0\x09abc", b"?"):
        with pytest.raises(sound_server._NotUnderstood):
            Fields(packet, 1)
