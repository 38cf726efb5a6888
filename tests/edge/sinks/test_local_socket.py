"""The local socket: who may read is told everything, answered within bounds, and never waited for."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest
from patience import PATIENCE_S
from socket_reader import Connection, wait_until
from virtual_microphone import REPOSITORY

from edge.records import Alert, Event, Frame
from edge.sinks.local_socket import MOST_READERS, LocalSocketSink
from edge.sinks.place import listen
from edge.sinks.readers import MOST_ASKED
from edge.status import LOST

FRAME = Frame(12.4, -41.5, 0.03, False)
NOBODY = 65534


def test_who_connects_is_told_the_status_then_all_that_is_heard(sink, connect, validate):
    reader = connect()
    first = reader.message()
    assert (first["type"], first["state"], first["line"]) == ("status", "healthy", "healthy: hearing USB")
    sink.frame(FRAME, 1.8e9)
    sink.alert(Alert(12.6, 0.9), 1.8e9 + 0.2)
    sink.event(Event(12.0, 20.0, 0.95, "hungry", 0.7, {"hungry": 0.7, "tired": 0.3}, False), 1.8e9)
    told = [reader.message() for _ in range(3)]
    assert [message["type"] for message in told] == ["frame", "alert", "event"]
    assert told[0] == {
        "type": "frame",
        "at_utc": "2027-01-15T08:00:00.000Z",
        "t_s": 12.4,
        "level_dbfs": -41.5,
        "cry_probability": 0.03,
        "gated": False,
        "detector_probability": 0.0,
        "verified": False,
    }
    assert told[2]["end_utc"] == "2027-01-15T08:00:08.000Z"
    validate([first] + told, "socket")


def test_the_status_comes_every_second_and_at_every_change(sink, connect, status):
    reader = connect()
    times = []
    for _ in range(3):
        reader.message("status")
        times.append(time.monotonic())
    assert times[2] - times[1] > 0.5
    status.enter(LOST, "unplugged")
    sink.status(status.snapshot())
    wait_until(lambda: reader.message("status")["state"] == "lost")


def test_requests_are_answered_in_order_and_by_name(connect, validate):
    reader = connect()
    reader.send(b'{"request": "echo", "id": 7, "say": "hello"}\n{"request": "status", "id": "b"}\n')
    answers = [reader.message("answer") for _ in range(2)]
    assert answers[0] == {"type": "answer", "request": "echo", "id": 7, "ok": True, "said": "hello"}
    assert (answers[1]["id"], answers[1]["status"]["state"]) == ("b", "healthy")
    validate(answers, "socket")


@pytest.mark.parametrize(
    "asked, said",
    [
        (b'{"request": "sing"}', "there is no such request: use echo, status"),
        (b'{"request": ["status"]}', "there is no such request"),
        (b"{}", "there is no such request"),
        (b"status", "not a JSON object"),
        (b"[1, 2]", "not a JSON object"),
        (b"\xff\xfe{}", "not a JSON object"),
        (b"[" * 4000, "not a JSON object"),
        (b'{"a":' * 800, "not a JSON object"),
        (b"", "not a JSON object"),
    ],
)
def test_what_is_no_request_is_answered_too_and_ends_nothing(connect, validate, asked, said):
    reader = connect()
    reader.send(asked + b"\n")
    answer = reader.message("answer")
    assert not answer["ok"] and said in answer["error"]
    validate([answer], "socket")
    reader.send(b'{"request": "status"}\n')
    assert reader.message("answer")["ok"]


def test_a_request_as_long_as_may_be_is_answered(connect):
    reader, begin, end = connect(), b'{"request": "echo", "say": "', b'"}'
    reader.send(begin + b"x" * (MOST_ASKED - len(begin) - len(end)) + end + b"\n")
    assert reader.message("answer")["ok"] is True


def test_an_answer_that_goes_wrong_is_an_error_and_ends_nothing(sink, connect):
    sink._requests["break"] = lambda request: {}["missing"]
    reader = connect()
    reader.send(b'{"request": "break"}\n{"request": "status"}\n')
    assert "internal error: KeyError" in reader.message("answer")["error"]
    assert reader.message("answer")["ok"]


def test_a_request_without_end_is_refused(sink, connect, validate):
    reader = connect()
    reader.send(b"x" * 5000)
    refused = reader.message("refused")
    assert refused["reason"] == "a request has at most 4096 bytes"
    validate([refused], "socket")
    wait_until(lambda: sink.readers == 0)
    assert "a request of more than 4096 bytes" in sink.news()[0]


def test_whoever_asks_too_quickly_has_to_wait(connect):
    reader = connect()
    began = time.monotonic()
    reader.send(b'{"request": "status"}\n' * 14)
    for _ in range(14):
        assert reader.message("answer")["ok"]
    assert time.monotonic() - began > 0.6  # ten at once, then five a second


def test_the_seventeenth_is_told_so_and_a_place_that_is_free_again_is_taken(sink, connect, validate):
    readers = [connect() for _ in range(MOST_READERS)]
    wait_until(lambda: sink.readers == MOST_READERS)
    for _ in range(4):
        refused = connect().message()
        assert refused["type"] == "refused" and "16 readers are connected" in refused["reason"]
        validate([refused], "socket")
    assert any("more than 16 readers" in news for news in sink.news())
    readers[0].close()
    wait_until(lambda: sink.readers == MOST_READERS - 1)
    assert connect().message()["type"] == "status"
    assert readers[5].message()["type"] == "status"


def test_who_stops_reading_is_dropped_counted_and_said_and_nobody_waits_for_it(sink, connect):
    slow, quick = connect(), connect()
    wait_until(lambda: sink.readers == 2)
    longest_s, told = 0.0, 0
    while sink.readers == 2:
        began = time.monotonic()
        sink.frame(FRAME, 1.8e9)
        longest_s = max(longest_s, time.monotonic() - began)
        told += 1
        assert quick.message("frame")["t_s"] == 12.4
        assert told < 20000
    assert longest_s < PATIENCE_S / 100  # whoever waits for a reader that does not read waits without end
    assert sink.dropped == 1
    (news,) = sink.news()
    assert news == "process {} does not read and was dropped".format(os.getpid())
    while slow.message():  # what was on its way arrives, then it is over
        pass


def test_without_readers_nothing_is_made_for_them(sink):
    sink.frame(object(), 1.8e9)  # no record at all
    assert not sink._queue


def test_a_number_that_is_none_is_null(sink, connect):
    reader = connect()
    reader.message("status")
    sink.frame(FRAME._replace(level_dbfs=float("nan")), 1.8e9)
    assert reader.message("frame")["level_dbfs"] is None


def test_another_user_is_refused_unless_in_the_group_of_the_socket(sink, path, folder):
    if os.getuid():
        pytest.skip("only root can be somebody else")
    os.chmod(folder, 0o755)
    assert first_line(path, NOBODY, NOBODY)["type"] == "nothing"  # the file's mode is for its owner
    os.chmod(path, 0o666)
    refused = first_line(path, NOBODY, NOBODY)
    assert "members of the socket's group" in refused["reason"]
    wait_until(lambda: sink._news)
    assert sink.news()[0].startswith("user 65534 (process ")


@pytest.mark.parametrize("groups", [(NOBODY, []), (1234, [NOBODY])])
def test_a_member_of_the_group_of_the_socket_is_told(path, folder, status, groups):
    if os.getuid():
        pytest.skip("only root can be somebody else")
    from edge.sinks.local_socket import LocalSocketSink
    from edge.sinks.place import listen

    listening = listen(path)
    os.chmod(folder, 0o755)
    os.chown(path, 0, NOBODY)
    os.chmod(path, 0o660)
    sink = LocalSocketSink(listening, status.snapshot, {}, path)
    try:
        assert first_line(path, 1234, *groups)["type"] == "status"
    finally:
        sink.close()


CONNECT = """
import os, socket, sys
path, uid, gid, groups = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), [int(group) for group in sys.argv[4:]]
os.setgroups(groups); os.setgid(gid); os.setuid(uid)
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(path)
    print(connection.makefile().readline())
except PermissionError:
    print('{"type": "nothing"}')
"""


def first_line(path, uid, gid, groups=()):
    """What a user is told first; {"type": "nothing"} who may not even connect."""
    command = [sys.executable, "-c", CONNECT, path, str(uid), str(gid)] + [str(group) for group in groups]
    return json.loads(subprocess.check_output(command, cwd=REPOSITORY).decode())


def test_it_takes_its_file_with_it_and_no_other_s(path, status):
    from edge.sinks.local_socket import LocalSocketSink
    from edge.sinks.place import listen

    LocalSocketSink(listen(path), status.snapshot, {}, path).close()
    assert not os.path.exists(path)
    sink = LocalSocketSink(listen(path), status.snapshot, {}, path)
    os.unlink(path)
    other = socket.socket(socket.AF_UNIX)
    other.bind(path)
    sink.close()
    assert os.path.exists(path)
    other.close()


def test_a_request_that_fails_within_is_answered_and_is_no_success(path, status, validate):
    def fail(request):
        raise RuntimeError("no idea")

    sink = LocalSocketSink(listen(path), status.snapshot, {"fail": fail}, path)
    reader = Connection(path)
    reader.send(b'{"request": "fail"}\n')
    answer = reader.message("answer")
    assert (answer["ok"], answer["error"]) == (False, "internal error: RuntimeError: no idea")
    validate([answer], "socket")
    reader.close()
    sink.close()
