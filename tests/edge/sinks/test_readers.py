"""One reader of the local socket: what waits for it, what it asks and how often, each within its bound."""

import socket

import pytest

from edge.sinks.readers import MOST_ASKED, MOST_WAITING, Allowance, Gone, Reader


@pytest.fixture
def now_s(monkeypatch):
    """[seconds] of the clock, for a test to move."""
    now_s = [100.0]
    monkeypatch.setattr("edge.sinks.readers.time.monotonic", lambda: now_s[0])
    return now_s


@pytest.fixture
def ends(now_s):
    """(Reader, the socket at the other end)."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    yield Reader(ours, 4711), theirs
    for end in (ours, theirs):
        end.close()


def asked(reader):
    """What it has asked, as far as that may be answered now."""
    reader.receive()
    return list(reader.requests())


def test_so_many_at_once_and_then_so_many_a_second(now_s):
    allowance = Allowance(5.0, 10)
    for _ in range(10):
        assert allowance
        allowance.take()
    assert not allowance
    now_s[0] += 0.19
    assert not allowance
    now_s[0] += 0.02
    assert allowance
    allowance.take()
    assert not allowance
    now_s[0] += 1000.0  # no more is saved than may be asked at once
    for _ in range(10):
        assert allowance
        allowance.take()
    assert not allowance


def test_a_reader_may_ask_ten_times_at_once_and_then_five_times_a_second(ends, now_s):
    reader, theirs = ends
    theirs.sendall(b'{"n": 1}\n' * 13)
    assert len(asked(reader)) == 10
    assert reader.is_waiting_to_ask
    now_s[0] += 0.41
    assert len(list(reader.requests())) == 2
    now_s[0] += 0.2
    assert list(reader.requests()) == [{"n": 1}]
    assert not reader.is_waiting_to_ask


def test_a_request_comes_in_parts_and_two_come_at_once(ends):
    reader, theirs = ends
    theirs.sendall(b'{"a": 1}\n{"b"')
    assert asked(reader) == [{"a": 1}]
    theirs.sendall(b": 2}")
    assert asked(reader) == []
    theirs.sendall(b"\n")
    assert asked(reader) == [{"b": 2}]


@pytest.mark.parametrize(
    "line", [b"", b"1", b"[]", b"{", b"\xff", b"nan", b'"x"', b"[" * 4000, b" " * MOST_ASKED + b"{}"]
)
def test_what_is_no_object_is_none_of_them(ends, line):
    reader, theirs = ends
    theirs.sendall(line + b"\n")
    found = []
    while not found:
        found = asked(reader)
    assert found == [None]


@pytest.mark.parametrize("n_bytes, is_too_much", [(4096, False), (4097, True)])
def test_a_request_that_does_not_end_is_refused_beyond_four_kilobytes(ends, n_bytes, is_too_much):
    reader, theirs = ends
    theirs.sendall(b"x" * n_bytes)
    reader.receive()
    if n_bytes > MOST_ASKED:
        reader.receive()  # no more than so much is taken at a time
    if not is_too_much:
        assert list(reader.requests()) == []
        return
    with pytest.raises(Gone, match="^process 4711 sent a request of more than 4096 bytes and was dropped$"):
        list(reader.requests())
    assert theirs.recv(1000) == b'{"type": "refused", "reason": "a request has at most 4096 bytes"}\n'


def test_many_requests_that_wait_are_no_request_without_end(ends, now_s):
    reader, theirs = ends
    theirs.sendall(b'{"n": 1}\n' * 500)
    reader.receive()
    assert len(list(reader.requests())) == 10
    reader.receive()  # 4500 bytes in all
    assert list(reader.requests()) == [] and reader.is_waiting_to_ask


def test_what_it_does_not_read_waits_and_too_much_of_it_ends_it(ends):
    reader, theirs = ends
    line = b"x" * 999 + b"\n"
    told = 0
    with pytest.raises(Gone, match="^process 4711 does not read and was dropped$"):
        while True:
            reader.tell(line)
            told += 1
    assert reader.is_behind
    received = 0
    while True:
        try:
            received += len(theirs.recv(65536))
        except BlockingIOError:
            if not reader.is_behind:
                break
            reader.flush()
    assert received == told * len(line)
    reader.tell(line)
    assert not reader.is_behind and theirs.recv(2000) == line


def test_sixty_four_kilobytes_wait_and_no_more(ends):
    reader, theirs = ends
    while not reader.is_behind:
        reader.tell(b"x" * 1000)
    waiting = len(reader._waiting)
    reader.tell(b"x" * (65536 - waiting))
    assert len(reader._waiting) == 65536 == MOST_WAITING
    with pytest.raises(Gone):
        reader.tell(b"x")


def test_one_that_left_is_gone_without_a_reason(ends):
    reader, theirs = ends
    reader.receive()  # nothing has come yet
    theirs.close()
    for act in (reader.receive, lambda: reader.tell(b"x\n")):
        with pytest.raises(Gone) as gone:
            act()
        assert str(gone.value) == ""


def test_each_has_a_number_of_its_own(ends):
    ours, theirs = socket.socketpair()
    other = Reader(ours, 4711)
    assert other.number != ends[0].number and other.fileno() == ours.fileno()
    other.close()
    theirs.close()
