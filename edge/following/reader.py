"""Monitors' sockets, each read again and again on a thread of its own."""

import queue
import threading
import time
from typing import Any, Dict, Iterator, Tuple

from edge.errors import UserError
from edge.sinks.client import Client

CONNECT_AGAIN_S = 1.0
MOST_MESSAGES = 2000  # that wait: of what is too much, frames go first


class Readers(object):
    """All of the sockets at once. What a monitor that is gone leaves is {"type": "gone", "reason"}."""

    def __init__(self, sockets: Dict[str, str]):
        """sockets: {source's name: path}."""
        self._messages = queue.Queue(MOST_MESSAGES)  # type: queue.Queue
        self._ended = threading.Event()
        for name, path in sockets.items():
            threading.Thread(target=self._read, args=(name, path), name="reader " + name, daemon=True).start()

    def messages(self, patience_s: float) -> Iterator[Tuple[str, Dict[str, Any]]]:
        """Yield (name, message) of what has come; waits so long for the first one, and no longer than that in all."""
        until_s = time.monotonic() + patience_s
        try:
            yield self._messages.get(timeout=patience_s)
            while time.monotonic() < until_s:
                yield self._messages.get_nowait()
        except queue.Empty:
            return

    def close(self) -> None:
        """End soon."""
        self._ended.set()

    def _read(self, name, path):
        while not self._ended.is_set():
            try:
                with Client(path) as client:
                    for message in client.messages():
                        self._put(name, message)
                        if self._ended.is_set():
                            return
            except UserError as error:
                self._put(name, {"type": "gone", "reason": str(error)})
            self._ended.wait(CONNECT_AGAIN_S)

    def _put(self, name, message):
        if message["type"] == "frame" and self._messages.full():
            return
        while not self._ended.is_set():
            try:
                self._messages.put((name, message), timeout=1.0)
                return
            except queue.Full:
                continue
