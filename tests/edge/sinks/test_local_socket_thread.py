"""The thread of the local socket: who has gone, what it has no time for, and what goes wrong in it."""

import os
import selectors

from socket_reader import Connection, wait_until

from edge.records import Alert, Event, Frame
from edge.sinks import readers
from edge.sinks.local_socket import MOST_READERS, LocalSocketSink
from edge.sinks.place import listen

FRAME = Frame(12.4, -41.5, 0.03, False)


def test_one_of_several_monitors_names_itself_in_every_line(path, status):
    sink = LocalSocketSink(listen(path), status.snapshot, {}, path, monitor="cot")
    reader = Connection(path)
    reader.message("status")
    sink.frame(FRAME, 1.8e9)
    sink.alert(Alert(12.6, 0.9), 1.8e9)
    sink.event(Event(12.0, 20.0, 0.95), 1.8e9)
    told = [reader.message(kind) for kind in ("frame", "alert", "event")]
    assert [message["source"] for message in told] == ["cot"] * 3
    reader.close()
    sink.close()


def test_what_goes_wrong_in_its_own_thread_is_said_and_every_reader_let_go(path, status):
    left = []
    sink = LocalSocketSink(listen(path), status.snapshot, {}, path, left.append)
    readers = [Connection(path) for _ in range(2)]
    for reader in readers:
        reader.message("status")
    assert sink.trouble == ""
    sink._selector.select = lambda timeout_s: {}["missing"]
    sink.status(status.snapshot())
    wait_until(lambda: sink.readers == 0)
    for reader in readers:
        while reader.message():
            pass
        reader.close()
    assert sink.trouble == "KeyError: 'missing'" and len(left) == 2
    sink.close()


def test_whoever_asks_is_known_by_a_number_and_told_when_that_one_has_left(path, status):
    asked, left = [], []
    requests = {"who": lambda request: asked.append(request["reader"]) or {}}
    sink = LocalSocketSink(listen(path), status.snapshot, requests, path, left.append)
    for number in range(2):
        reader = Connection(path)
        reader.send(b'{"request": "who", "reader": 7}\n')
        reader.message("answer")
        reader.close()
        wait_until(lambda number=number: len(left) == number + 1)
    assert asked == left and len(set(asked)) == 2
    sink.close()


def test_an_answer_names_the_request_as_far_as_that_has_a_name(connect):
    reader = connect()
    reader.send(b'{"request": 7, "id": [1]}\n{"request": "sing", "id": 1}\n{"request": "echo", "id": null}\n')
    answers = [reader.message("answer") for _ in range(3)]
    assert [(answer["request"], answer.get("id"), answer["ok"]) for answer in answers] == [
        (None, None, False),
        ("sing", 1, False),
        ("echo", None, True),
    ]
    assert "id" not in answers[0] and "id" not in answers[2]


def test_lines_that_the_thread_has_no_time_for_are_dropped_and_counted(sink, connect):
    connect().message("status")
    wait_until(lambda: sink.readers == 1)
    sink._queue = Full(1000)
    sink.frame(FRAME, 1.8e9)
    assert sink.dropped == 1
    sink._queue = Full(999)
    sink.frame(FRAME, 1.8e9)
    assert sink.dropped == 1 and len(sink._queue.taken) == 1


class Full:
    """A queue that has so many lines, as its length says, and none that the thread finds."""

    def __init__(self, length):
        self._length, self.taken = length, []

    def __len__(self):
        return self._length

    def __bool__(self):
        return False

    def append(self, line):
        self.taken.append(line)


def test_no_more_news_are_kept_than_anybody_would_read(sink):
    for number in range(50):
        sink._news.append(str(number))
    assert sink.news() == [str(number) for number in range(10, 50)] and sink.news() == []


def test_many_who_connect_and_leave_at_once_are_listened_to_by_and_by(sink, path):
    """Thirty-two at once, then ten a second: nobody is lost."""
    first = [Connection(path) for _ in range(35)]
    told = [connection.message()["type"] for connection in first]
    assert told.count("status") == MOST_READERS and told.count("refused") == 35 - MOST_READERS
    for connection in first:
        connection.close()
    wait_until(lambda: sink.readers == 0)


def test_a_socket_that_systemd_made_is_left_where_it_is(path, status):
    LocalSocketSink(listen(path), status.snapshot, {}).close()
    assert os.path.exists(path)


class Gone(object):
    """A reader that is found gone when it is told something, and might also have asked."""

    number = 7

    def __init__(self):
        self.received = 0

    def fileno(self):
        return 1000

    def flush(self):
        raise readers.Gone("it does not read")

    def receive(self):
        self.received += 1
        raise readers.Gone

    def close(self):
        pass


def test_who_is_gone_is_let_go_once(path, status):
    left = []
    sink = LocalSocketSink(listen(path), status.snapshot, {}, path, left.append)
    sink.close()
    reader = Gone()
    sink._readers[reader.fileno()] = reader
    sink._serve(reader, selectors.EVENT_READ | selectors.EVENT_WRITE)
    assert (left, reader.received, sink.dropped, sink.readers) == ([7], 0, 1, 0)
    assert sink.news() == ["it does not read"]
