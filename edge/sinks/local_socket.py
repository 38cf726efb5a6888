"""The local socket: JSON lines to whoever on this machine may know, and answers to what they ask.

docs/schemas/socket.schema.json describes every line. A reader is sent one `status` when it connects, one whenever the
status changes and one a second, and every `frame`, `alert` and `event`. It may send requests, one JSON object a line:
{"request": "status", "id": 1}; the answer is {"type": "answer", "request": "status", "id": 1, "ok": true, ...}.

All sockets belong to one thread of their own. The listening thread hands it lines through a bounded queue and goes on:
nothing that a reader does or leaves undone is ever waited for.
"""

import json
import os
import selectors
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Callable, Dict, List

from edge.errors import UserError
from edge.log import iso_utc
from edge.sinks.peers import group_of, may_be_told, peer_of
from edge.sinks.place import identity
from edge.sinks.readers import Allowance, Gone, Reader
from edge.sinks.sink import Sink
from edge.sinks.words import event_object, record_object

MOST_READERS = 16
MOST_IN_QUEUE = 1000  # lines between the two threads: three minutes of frames
STATUS_EVERY_S = 1.0
PAUSED_LOOK_S = 0.2  # how often it is looked whether a reader may ask again
CONNECTIONS_A_SECOND = 10.0
CONNECTIONS_AT_ONCE = 2 * MOST_READERS
MOST_NEWS = 40
CLOSE_S = 1.0

# Called by the socket's thread with the request; returns the fields of its answer, or raises UserError.
Answer = Callable[[Dict[str, Any]], Dict[str, Any]]


class LocalSocketSink(Sink):
    """Readers of a listening socket.

    snapshot: edge.status.Status.snapshot. requests: what may be asked, beside "status"; each is told in "reader" who
    asks, by a number that is no other's, and left(number) is called when that one has gone. own_path: the file to
    remove at the end, where the monitor has made it itself. monitor: its name, in every line where there are several.
    """

    name = "socket"

    def __init__(
        self,
        listening: socket.socket,
        snapshot: Callable[[], Dict[str, Any]],
        requests: Dict[str, Answer],
        own_path: str = "",
        left: Callable[[int], None] = lambda reader: None,
        monitor: str = "",
    ):
        self.dropped = 0  # readers, and lines that the thread had no time for
        self._counting = threading.Lock()  # the former are dropped by the thread, the latter by the caller's
        self.trouble = ""
        self._snapshot = snapshot
        self._requests = dict(requests, status=lambda request: {"status": snapshot()})
        self._listening = listening
        self._group = group_of(listening.getsockname())
        self._left = left
        self._named = {"source": monitor} if monitor else {}
        self._own_path = own_path
        self._own_identity = identity(own_path)
        self._readers = {}  # type: Dict[int, Reader]  # by descriptor
        self._queue = deque()  # type: deque
        self._news = deque(maxlen=MOST_NEWS)  # type: deque
        self._ended = False
        self._may_connect = Allowance(CONNECTIONS_A_SECOND, CONNECTIONS_AT_ONCE)
        self._woken, self._wake = os.pipe()
        for number in (self._woken, self._wake):
            os.set_blocking(number, False)
        listening.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._selector.register(listening, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="socket", daemon=True)
        self._thread.start()

    @property
    def readers(self) -> int:
        """How many are connected."""
        return len(self._readers)

    def alert(self, alert, at_utc):
        self._hand_over(lambda: record_object(alert, at_utc=iso_utc(at_utc), **self._named))

    def event(self, event, start_utc):
        self._hand_over(lambda: event_object(event, start_utc, **self._named))

    def frame(self, frame, at_utc):
        self._hand_over(lambda: record_object(frame, at_utc=iso_utc(at_utc), **self._named))

    def status(self, snapshot):
        self._hand_over(lambda: snapshot)

    def news(self) -> List[str]:
        return [self._news.popleft() for _ in range(len(self._news))]

    def close(self):
        """Hand over what waits, end the thread, remove the file."""
        self._ended = True
        self._wake_up()
        self._thread.join(CLOSE_S)
        self._listening.close()
        if self._own_identity and identity(self._own_path) == self._own_identity:  # no other monitor's by now
            with suppress(OSError):
                os.unlink(self._own_path)

    def _hand_over(self, make):
        """Called by the listening thread: a line for every reader, if there is one."""
        if not self._readers:
            return
        if len(self._queue) >= MOST_IN_QUEUE:
            with self._counting:
                self.dropped += 1
            return
        self._queue.append(_line(make()))
        self._wake_up()

    def _wake_up(self):
        with suppress(OSError):  # full: it is awake
            os.write(self._wake, b".")

    # From here on, the socket's thread.

    def _run(self):
        status_s = time.monotonic() + STATUS_EVERY_S
        try:
            while not self._ended:
                self._wait(status_s - time.monotonic())
                self._tell_all()
                if time.monotonic() >= status_s:
                    status_s = time.monotonic() + STATUS_EVERY_S
                    if self._readers:
                        self._tell(_line(self._snapshot()))  # before any change that is handed over from now on
            self._tell_all()
        except Exception as error:  # of this file's own making: the monitor hears on without it
            self.trouble = "{}: {}".format(type(error).__name__, error)
        finally:
            for reader in list(self._readers.values()):
                self._forget(reader, "")

    def _wait(self, most_s):
        """Act on what comes, until there is something to tell or so much time is over."""
        paused = not self._may_connect or any(reader.is_waiting_to_ask for reader in self._readers.values())
        self._listen_to()
        for key, events in self._selector.select(max(0.0, min(most_s, PAUSED_LOOK_S if paused else most_s))):
            if key.fileobj is self._listening:
                self._accept()
            elif key.data is None:
                with suppress(OSError):
                    os.read(self._woken, 4096)
            else:
                self._serve(key.data, events)
        for reader in list(self._readers.values()):
            if reader.is_waiting_to_ask:
                self._guard(reader, lambda reader=reader: self._answer(reader))

    def _listen_to(self):
        """Whom to listen to now: not to those who have asked enough, not to more who connect too quickly."""
        for reader in self._readers.values():
            wanted = (0 if reader.is_waiting_to_ask else selectors.EVENT_READ) | (
                selectors.EVENT_WRITE if reader.is_behind else 0
            )
            self._register(reader, wanted, reader)
        self._register(self._listening, selectors.EVENT_READ if self._may_connect else 0, None)

    def _register(self, what, wanted, data):
        key = self._selector.get_map().get(what)
        if key is not None and key.events == wanted:
            return
        if key is not None:
            self._selector.unregister(what)
        if wanted:
            self._selector.register(what, wanted, data)

    def _accept(self):
        self._may_connect.take()
        try:
            connection, _ = self._listening.accept()
        except OSError:  # it has left again, or there are no more descriptors
            return
        try:
            reason = self._why_not(connection)
            if reason:
                connection.setblocking(False)
                connection.send(_line({"type": "refused", "reason": reason}))
                connection.close()
                return
            reader = Reader(connection, peer_of(connection).pid)
        except OSError:
            connection.close()
            return
        self._readers[reader.fileno()] = reader
        self._guard(reader, lambda: reader.tell(_line(self._snapshot())))

    def _why_not(self, connection):
        if not may_be_told(connection, self._group, is_guarded=not self._own_path):
            peer = peer_of(connection)
            self._news.append("user {} (process {}) may not read and was refused".format(peer.uid, peer.pid))
            return "only the monitor's own user, root and members of the socket's group may read"
        if len(self._readers) >= MOST_READERS:
            self._news.append("one more than {} readers was refused".format(MOST_READERS))
            return "{} readers are connected, and there may be no more: close one".format(MOST_READERS)
        return ""

    def _serve(self, reader, events):
        if events & selectors.EVENT_WRITE:
            self._guard(reader, reader.flush)
        if events & selectors.EVENT_READ and reader.fileno() in self._readers:
            self._guard(reader, lambda: (reader.receive(), self._answer(reader)))

    def _answer(self, reader):
        for request in reader.requests():
            reader.tell(_line(self._answer_to(request, reader)))

    def _answer_to(self, request, reader):
        if request is None:
            return {"type": "answer", "ok": False, "error": "not a JSON object on one line"}
        name = request.get("request")
        fields = {"type": "answer", "request": name if isinstance(name, str) else None, "ok": True}
        if isinstance(request.get("id"), (str, int)):
            fields["id"] = request["id"]
        try:
            if not isinstance(name, str) or name not in self._requests:
                raise UserError("there is no such request: use " + ", ".join(sorted(self._requests)))
            fields.update(self._requests[name](dict(request, reader=reader.number)))
        except UserError as error:
            fields.update(ok=False, error=str(error))
        except Exception as error:  # a request must not end the thread that answers it
            fields.update(ok=False, error="internal error: {}: {}".format(type(error).__name__, error))
        return fields

    def _tell_all(self):
        """What the listening thread has handed over, to every reader."""
        while self._queue:
            self._tell(self._queue.popleft())

    def _tell(self, line):
        for reader in list(self._readers.values()):
            self._guard(reader, lambda reader=reader: reader.tell(line))

    def _guard(self, reader, act):
        try:
            act()
        except Gone as gone:
            self._forget(reader, str(gone))

    def _forget(self, reader, reason):
        self._readers.pop(reader.fileno(), None)
        if reason:
            with self._counting:
                self.dropped += 1
            self._news.append(reason)
        with suppress(KeyError, ValueError):
            self._selector.unregister(reader)
        reader.close()
        self._left(reader.number)


def _line(fields):
    try:
        text = json.dumps(fields, allow_nan=False)
    except ValueError:  # a number that is none is no JSON either
        text = json.dumps(json.loads(json.dumps(fields), parse_constant=lambda _: None))
    return (text + "\n").encode("ascii")
