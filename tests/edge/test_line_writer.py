"""Lines to whoever reads them, or does not: writing never waits and never raises, what is lost is counted."""

import os
import pty
import socket
import time

import pytest

from edge.line_writer import MOST_WAITING, LineWriter

LINE = b"x" * 999 + b"\n"
AT_ONCE_S = 0.5  # for what takes microseconds, on a machine that is busy


def read_all(number):
    """Everything that can be read now."""
    os.set_blocking(number, False)
    parts = []
    while True:
        try:
            parts.append(os.read(number, 65536))
        except BlockingIOError:
            return b"".join(parts)
        if not parts[-1]:
            return b"".join(parts)


@pytest.fixture(params=["pipe", "pipe of others", "socket", "terminal"])
def ends(request, monkeypatch):
    """(descriptor to read, descriptor to write) of whatever may be on standard output."""
    if request.param == "socket":
        reading, writing = socket.socketpair()
        yield reading.fileno(), writing.fileno()
        reading.close()
        writing.close()
        return
    reading, writing = pty.openpty() if request.param == "terminal" else os.pipe()
    if request.param == "pipe of others":  # that may not be opened once more
        really_open = os.open
        monkeypatch.setattr("os.open", lambda path, flags, *mode: refuse(really_open, path, flags, *mode))
    yield reading, writing
    for number in (reading, writing):
        os.close(number)


def refuse(really_open, path, flags, *mode):
    if path.startswith("/proc/self/fd/"):
        raise PermissionError(13, "Permission denied")
    return really_open(path, flags, *mode)


def test_a_reader_that_does_not_read_is_never_waited_for_and_gets_whole_lines_later(ends):
    reading, writing = ends
    writer = LineWriter(writing)
    began = time.monotonic()
    for _ in range(1000):
        writer.write(LINE)
    assert time.monotonic() - began < AT_ONCE_S
    assert os.get_blocking(writing)  # it is not ours alone
    assert writer.trouble == "nobody reads it"
    written = 1000 - writer.dropped
    assert MOST_WAITING // len(LINE) <= written < 1000

    received = b""
    while received.count(b"\n") < written:
        received += read_all(reading).replace(b"\r\n", b"\n")
        writer.flush()
    assert received == written * LINE
    assert writer.trouble == ""
    writer.write(LINE)
    assert read_all(reading).replace(b"\r\n", b"\n") == LINE


def test_a_reader_that_is_gone_is_counted_and_said():
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    os.close(reading)
    writer.write(LINE)
    writer.write(LINE)
    assert (writer.dropped, writer.trouble) == (2, "Broken pipe")
    os.close(writing)


def test_a_full_disk_is_counted_and_said_until_it_has_room_again(tmp_path):
    path = str(tmp_path / "lines")
    number = os.open("/dev/full", os.O_WRONLY)
    writer = LineWriter(number)
    writer.write(LINE)
    assert (writer.dropped, writer.trouble) == (1, "No space left on device")
    room = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.dup2(room, number)
    writer.write(LINE)
    assert (writer.dropped, writer.trouble) == (1, "")
    with open(path, "rb") as file:
        assert file.read() == LINE
    os.close(number)
    os.close(room)


def test_a_line_that_was_cut_off_spoils_no_other(monkeypatch):
    """A disk that is full in the middle of a line."""
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    room = [3]

    def write(data):
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken, room[0] = data[: room[0]], max(0, room[0] - len(data))
        return os.write(writing, taken)

    writer._write = write
    writer.write(b"first\n")
    room[0] = 1000
    writer.write(b"second\n")
    writer.write(b"third\n")
    assert read_all(reading) == b"fir\nsecond\nthird\n"
    os.close(reading)
    os.close(writing)


def test_a_closed_descriptor_is_counted_and_said():
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    writer = LineWriter(writing)
    writer.write(LINE)
    assert (writer.dropped, writer.trouble) == (1, "Bad file descriptor")


def test_at_the_end_it_waits_for_a_slow_reader_but_not_for_long():
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    for _ in range(200):
        writer.write(LINE)
    began = time.monotonic()
    writer.drain(0.2)
    assert 0.2 <= time.monotonic() - began < 0.2 + AT_ONCE_S
    os.close(reading)
    os.close(writing)


def test_a_quarter_of_a_megabyte_waits_and_not_a_byte_more():
    """While nothing at all is taken."""
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    writer._write = lambda data: 0
    for n_bytes in (200000, 62143, 2, 1):
        writer.write(b"x" * (n_bytes - 1) + b"\n")
    assert (len(writer._waiting), writer.dropped, writer.trouble) == (262144, 1, "nobody reads it")
    os.close(reading)
    os.close(writing)


def test_no_more_is_given_at_once_than_a_pipe_takes_without_waiting():
    reading, writing = os.pipe()
    writer, given = LineWriter(writing), []
    writer._write = lambda data: given.append(data) or len(data)
    writer.write(b"x" * 9999 + b"\n")
    assert [len(data) for data in given] == [4096, 4096, 1808]
    assert writer.trouble == "" and b"".join(given).endswith(b"x\n")
    os.close(reading)
    os.close(writing)


def test_what_waits_is_counted_by_the_line_when_the_reader_is_gone():
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    writer._write = lambda data: 0
    for _ in range(3):
        writer.write(LINE)
    writer._write = lambda data: os.write(writing, data)
    os.close(reading)
    writer.flush()
    assert (writer.dropped, writer.trouble) == (3, "Broken pipe")
    writer.flush()
    assert writer.dropped == 3
    os.close(writing)


def test_at_the_end_nothing_is_waited_for_that_has_been_read():
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    for _ in range(100):
        writer.write(LINE)
    waited = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge.line_writer.time.sleep", lambda seconds: waited.append(read_all(reading)))
        writer.drain(60.0)
    assert not writer._waiting and 0 < len(waited) < 10
    os.close(reading)
    os.close(writing)
