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
        (b'{"type": "refused", "reason": "16 readers"}\n', "refuses: 16 readers"),
    ],
)
def test_who_is_no_monitor_is_one_line_and_no_wait_for_ever(other, path, data, said):
    other(data)
    with Client(path, silent_s=0.5) as client, pytest.raises(UserError, match=said):
        next(client.messages())
