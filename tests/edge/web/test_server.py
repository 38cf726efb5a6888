"""The page over real sockets: what is answered, and what is refused in one line."""

import http.client
import json
import os
import re
import socket
import threading
import time

import pytest
from monitor_messages import alert, frame, status
from patience import PATIENCE_S

from edge.following.live import Live
from edge.records import Event
from edge.sinks.local_socket import LocalSocketSink
from edge.sinks.place import listen
from edge.status import Status
from edge.store import Minute, Store
from edge.store.marks import mark_requests
from edge.web.access import FAILURES_ALLOWED, Access
from edge.web.server import LONGEST_BODY, MOST_CLIENTS, PageServer


@pytest.fixture
def database(tmp_path):
    path = str(tmp_path / "night.db")
    with Store(path) as store:
        now_utc = time.time()
        for number in range(60):
            store.add_minute(Minute(now_utc - 3600 + 60 * number, 60.0, 0.0, -60.0, -50.0, 300, 0, 0))
        store.add_event(Event(0.0, 30.0, 0.9), now_utc - 1800)
    return path


@pytest.fixture
def serve(database, tmp_path):
    """serve(**changes) -> (server, ask); ask(method, path, body, **headers) -> (status, headers, text)."""
    servers = []

    def serve(password=None, names=()):
        sockets = {"nursery": str(tmp_path / "no.socket")}
        live = Live(sockets)
        live.take("nursery", status())
        live.take("nursery", frame(-42.0, 0.25))
        live.publish()
        server = PageServer("127.0.0.1", 0, live, sockets, {"nursery": database}, Access(set(names), password))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)

        def ask(method, path, body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE_S)
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            connection.close()
            return answer.status, dict(answer.getheaders()), text

        return server, ask

    yield serve
    for server in servers:
        server.live.close()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "path", ["/", "/live.css", "/live.js", "/report", "/report?source=nursery&days=30", "/metrics", "/monitors"]
)
def test_every_page_is_ours_alone(serve, path):
    _, ask = serve()
    code, headers, text = ask("GET", path)
    assert code == 200 and text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'") and "Set-Cookie" not in headers
    assert not re.search(r"https?://", text)


def test_the_page_names_every_part_for_a_screen_reader(serve):
    _, _, text = serve()[1]("GET", "/")
    for words in (
        'lang="en"',
        'aria-live="assertive"',
        'role="status"',
        "aria-labelledby",
        "<label>",
        '<button type="button"',
    ):
        assert words in text


def test_the_stream_tells_of_changes(serve):
    server, _ = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE_S)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type").startswith("text/event-stream")

    def next_data():
        while True:
            line = answer.readline()
            if line.startswith(b"data: "):
                return json.loads(line[6:].decode("utf-8"))[0]

    assert not next_data()["crying"]
    server.live.take("nursery", alert())
    server.live.publish()
    monitor = next_data()
    assert monitor["crying"] and monitor["hearing"] and monitor["name"] == "nursery"
    connection.close()


def test_metrics_are_prometheus_text(serve):
    _, _, text = serve()[1]("GET", "/metrics")
    assert 'cry_monitor_hearing{source="nursery"} 1' in text and "# TYPE cry_monitor_crying gauge" in text
    parser = pytest.importorskip("prometheus_client.parser")
    families = {family.name for family in parser.text_string_to_metric_families(text)}
    assert {"cry_monitor_hearing", "cry_monitor_level_dbfs"} <= families


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/%2e%2e/x",
        "/x",
        "/report?source=other",
        "/report?days=0",
        "/report?days=9999",
        "/report?days=%C2%B2",
    ],
)
def test_no_such_page(serve, path):
    code, _, text = serve()[1]("GET", path)
    assert code == 404 and text.count("\n") == 1


def test_a_foreign_host_header_is_refused(serve):
    _, ask = serve(names=("monitor.local",))
    assert ask("GET", "/", Host="evil.example")[0] == 421
    assert ask("GET", "/", Host="monitor.local:80")[0] == 200


def test_a_password_is_asked_for_and_guessing_ends(serve):
    _, ask = serve(password="word")
    code, headers, _ = ask("GET", "/")
    assert code == 401 and headers["WWW-Authenticate"].startswith("Basic")
    assert ask("GET", "/", Authorization="Bearer word")[0] == 200
    codes = [ask("GET", "/", Authorization="Bearer guess{}".format(number))[0] for number in range(1000)]
    assert codes.count(401) == FAILURES_ALLOWED and codes[-1] == 429
    assert ask("GET", "/", Authorization="Bearer word")[0] == 429


@pytest.mark.parametrize("path", ["/?password=word", "/report?days=1&access_token=word", "http://any:word@localhost/"])
def test_a_password_in_the_address_is_refused(serve, path):
    _, ask = serve(password="word")
    assert ask("GET", path, Host="localhost")[0] == 401  # it counts for nothing
    code, _, text = ask("GET", path, Host="localhost", Authorization="Bearer word")
    assert code == 400 and "password does not belong" in text and "=word" not in text


JSON = "application/json"


def test_a_foreign_page_cannot_write(serve):
    _, ask = serve()
    body = json.dumps({"source": "nursery"})
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"):
        assert ask("POST", "/resume", body, Origin=origin, Content_Type=JSON)[0] == 403
    assert ask("POST", "/resume", body, Content_Type="text/plain")[0] == 415


@pytest.mark.parametrize(
    "path, fields, code",
    [
        ("/pause", {"source": "nursery", "minutes": 121}, 400),
        ("/pause", {"source": "nursery", "minutes": True}, 400),
        ("/mark", {"source": "nursery", "event": 0, "mark": "cry"}, 400),
        ("/mark", {"source": "nursery", "event": "last", "mark": "perhaps"}, 400),
        ("/mark", {"source": "nursery"}, 400),
        ("/mark", {"source": "nursery", "event": "last", "mark": "cry"}, 409),
        ("/resume", {"source": "other"}, 404),
        ("/erase", {"source": "nursery"}, 404),
        ("/resume", {"source": "nursery"}, 409),  # nobody answers at its socket
    ],
)
def test_a_write_that_cannot_be(serve, path, fields, code):
    assert serve()[1]("POST", path, json.dumps(fields), Content_Type=JSON)[0] == code


def test_a_mark_reaches_the_monitor(serve, database, tmp_path):
    monitor, path = Status(), str(tmp_path / "no.socket")
    sink = LocalSocketSink(listen(path), monitor.snapshot, mark_requests(lambda: database), path)
    body = json.dumps({"source": "nursery", "event": "last", "mark": "other"})
    assert serve()[1]("POST", "/mark", body, Content_Type=JSON)[0] == 200
    with Store(database, read_only=True) as store:
        assert [event.mark for event in store.events()] == ["other"]
    sink.close()


@pytest.mark.parametrize("body", ["", "{", "[]", "[" * 3000, "x" * (LONGEST_BODY + 1)])
def test_a_body_that_is_no_object(serve, body):
    assert serve()[1]("POST", "/pause", body, Content_Type=JSON)[0] in (400, 413)


def test_a_client_that_never_ends_its_request_keeps_nobody_waiting(serve):
    server, ask = serve()
    slow = []
    for _ in range(MOST_CLIENTS - 2):
        one = socket.create_connection(("127.0.0.1", server.server_port))
        one.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        slow.append(one)
    assert ask("GET", "/")[0] == 200
    for one in slow:
        one.close()


def test_a_client_that_sends_its_request_byte_by_byte_is_turned_away(serve, monkeypatch):
    monkeypatch.setattr("edge.web.server.REQUEST_S", 0.5)
    server, ask = serve()
    one = socket.create_connection(("127.0.0.1", server.server_port))
    one.settimeout(PATIENCE_S)
    began_s = time.monotonic()
    with pytest.raises(OSError):
        while time.monotonic() < began_s + PATIENCE_S:
            one.sendall(b"X")  # in time each, and never a whole line
            time.sleep(0.05)
    one.close()
    assert ask("GET", "/")[0] == 200


def test_a_stream_is_not_taken_for_a_slow_request(serve, monkeypatch):
    monkeypatch.setattr("edge.web.server.REQUEST_S", 0.5)
    server, _ = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE_S)
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    until_s = time.monotonic() + 1.5
    while time.monotonic() < until_s:
        server.live.publish()
        assert answer.readline()
    connection.close()


def test_a_database_that_is_being_purged_is_shown_or_is_one_line(serve, database):
    _, ask = serve()
    ended = threading.Event()

    def purge():
        with Store(database) as store:
            while not ended.is_set():
                store.remove()
                store.add_event(Event(0.0, 30.0, 0.9), time.time() - 1800)

    purging = threading.Thread(target=purge)
    purging.start()
    try:
        for _ in range(20):
            code, _, text = ask("GET", "/report?days=30")
            assert (code, "What the figures mean" in text) == (200, True) or (code, text.count("\n")) == (503, 1)
    finally:
        ended.set()
        purging.join()


def test_more_clients_than_there_is_room_for_are_turned_away_and_the_rest_served(serve):
    server, ask = serve()
    held = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(MOST_CLIENTS + 10)]
    for one in held:
        one.close()
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert ask("GET", "/")[0] == 200
            return
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)


def test_a_database_that_is_gone_is_one_line(serve, database):
    _, ask = serve()
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(database + ending):
            os.remove(database + ending)
    code, _, text = ask("GET", "/report")
    assert code == 503 and text.count("\n") == 1


def test_a_monitor_that_has_not_said_where_its_database_is_shows_no_other_ones(serve, database):
    server, ask = serve()
    server.sockets["twins"] = "/nowhere"
    code, _, text = ask("GET", "/report?source=twins")
    assert code == 503 and "twins has not said" in text and text.count("\n") == 1
    server.live.statuses["twins"] = dict(status(), database=database)
    assert ask("GET", "/report?source=twins")[0] == 200
