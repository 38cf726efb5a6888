"""The client: what a bridge, a page and a terminal view stand on."""

import os
import socket
import threading

import pytest

from edge.errors import UserError
from edge.records import Frame
from edge.sinks.client import Client, find_socket

FRAME = Frame(12.4, -41.5, 0.03, False)


def test_messages_come_one_by_one_until_the_monitor_ends(sink, path):
    with Client(path) as client:
        messages = client.messages()
        assert next(messages)["type"] == "status"
        sink.frame(FRAME, 1.8e9)
        assert next(message for message in messages if message["type"] == "frame")["t_s"] == 12.4
        sink.close()
        with pytest.raises(UserError, match="is gone \\(it has closed the socket\\)"):
            for _ in messages:
                pass


def test_a_request_is_answered_among_other_messages(sink, path):
    with Client(path) as client:
        for _ in range(20):
            sink.frame(FRAME, 1.8e9)
        assert client.request("echo", say="hello")["said"] == "hello"
        assert client.request("status")["status"]["state"] == "healthy"


def test_what_the_monitor_does_not_do_is_an_error_in_its_words(sink, path):
    with Client(path) as client, pytest.raises(UserError, match="does not sing: there is no such request: use echo"):
        client.request("sing")


def test_no_monitor_is_one_line(path):
    with pytest.raises(UserError, match="no monitor answers at .* \\(No such file or directory\\): start it"):
        Client(path)
    with pytest.raises(UserError, match="no monitor runs here, there is no socket at {}: start it".format(path)):
        find_socket(path, "/nowhere/events.db")


def test_the_socket_is_found_where_it_is_configured_or_beside_the_database(sink, path, monkeypatch):
    assert find_socket(path, "/nowhere/events.db") == path
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    os.rename(path, path + ".db.socket")
    assert find_socket("", path + ".db") == path + ".db.socket"
    os.rename(path + ".db.socket", path)


@pytest.fixture
def other(path):
    """other(data) -> a server that is no monitor and says that, once."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(1)
    connections = []

    def serve(data):
        connections.append(listening.accept()[0])
        connections[0].sendall(data)

    yield lambda data: threading.Thread(target=serve, args=(data,), daemon=True).start()
    for one in [listening] + connections:
        one.close()


@pytest.mark.parametrize(
    "data, said",
    [
        (b"", "it says nothing"),
        (b"220 mail.example.org\r\n", "it does not speak as a monitor does"),
        (b'{"type": 7}\n', "it does not speak as a monitor does"),
        (b"[" * 100000 + b"\n", "it does not speak as a monitor does"),
        (b"[1]\n", "it does not speak as a monitor does"),
        (b"x" * (1048576 + 1), "it does not speak as a monitor does"),
        (b'{"type": "refused", "reason": "16 readers"}\n', "refuses: 16 readers"),
    ],
)
def test_who_is_no_monitor_is_one_line_and_no_wait_for_ever(other, path, data, said):
    other(data)
    with Client(path, silent_s=0.5) as client, pytest.raises(UserError, match=said):
        next(client.messages())


def test_a_line_of_a_megabyte_is_read(other, path):
    begin, end = b'{"type": "status", "line": "', b'"}\n'
    other(begin + b"x" * (1048576 - len(begin) - len(end)) + end)
    with Client(path) as client:
        assert len(next(client.messages())["line"]) > 1000000


def test_an_answer_to_another_s_question_is_passed_over(other, path, monkeypatch):
    monkeypatch.setattr("edge.sinks.client.os.getpid", lambda: 5)
    lines = [
        b'{"type": "status", "id": "5-1", "ok": true}',
        b'{"type": "answer", "ok": true, "said": "no id"}',
        b'{"type": "answer", "id": "4-9", "ok": true, "said": "before"}',
        b'{"type": "answer", "id": "5-2", "ok": true, "said": "after"}',
        b'{"type": "answer", "id": "5-1", "ok": true, "said": "this"}',
        b'{"type": "answer", "id": "5-2", "ok": false, "error": "no idea"}',
    ]
    other(b"\n".join(lines) + b"\n")
    with Client(path) as client:
        assert client.request("echo")["said"] == "this"
        with pytest.raises(UserError, match="^the monitor does not sing: no idea$"):
            client.request("sing")


def test_an_answer_that_does_not_come_in_time_is_said(other, path):
    other(b'{"type": "status"}\n')
    with Client(path) as client, pytest.raises(UserError, match="it says nothing"):
        client.request("echo", timeout_s=0.05)


def test_a_monitor_that_ends_before_it_is_asked_is_gone(sink, path):
    with Client(path) as client:
        sink.close()
        with pytest.raises(UserError, match="at {} is gone .*: is it running".format(path)):
            for _ in range(3):
                client.request("echo")


def test_a_client_is_selectable_and_closed_by_its_block(sink, path):
    with Client(path) as client:
        assert client.fileno() >= 0
    assert client.fileno() == -1
