"""One channel's messages on their way out: never waited for, tried again, and said when they are lost."""

import queue
import threading
import time

from edge.bridge.channels import Channel
from edge.bridge.push_rules import Message
from edge.errors import UserError
from edge.log import log

MOST_WAITING = 50
TRY_AGAIN_AFTER_S = (2.0, 8.0, 30.0)
STALE_S = 600.0  # a cry of ten minutes ago is no news


class Outbox(object):
    """A thread that sends one message after the other. told, lost: how many were."""

    def __init__(self, channel: Channel, pauses_s=TRY_AGAIN_AFTER_S, report=None):
        """report(message, by, trouble): is told too; trouble is empty when the message has arrived."""
        self.channel = channel
        self.told = self.lost = 0
        self.trouble = ""  # why the last attempt failed; empty when it did not
        self._pauses_s = pauses_s
        self._report = report or (lambda message, by, trouble: None)
        self._waiting = queue.Queue(MOST_WAITING)
        self._ended = threading.Event()
        self._counting = threading.Lock()  # messages are lost in the caller's thread and in this one's
        self._thread = threading.Thread(target=self._run, name="outbox " + channel.name, daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Send it when its turn comes. The oldest makes room when too many wait."""
        while True:
            try:
                self._waiting.put_nowait(message)
                return
            except queue.Full:
                try:
                    self._lose(self._waiting.get_nowait(), "too many wait")
                except queue.Empty:
                    continue

    def close(self, patience_s: float = 1.0) -> None:
        """End; what still waits is said to be lost."""
        self._ended.set()
        self._waiting.put(None) if not self._waiting.full() else None
        self._thread.join(patience_s)
        while True:
            try:
                message = self._waiting.get_nowait()
            except queue.Empty:
                return
            if message is not None:
                self._lose(message, "the bridge ends")

    def _run(self):
        while not self._ended.is_set():
            message = self._waiting.get()
            if message is not None:
                self._send(message)

    def _send(self, message):
        for pause_s in self._pauses_s + (None,):
            try:
                answer = self.channel.send(message)
            except UserError as error:
                self.trouble = str(error)
            except Exception as error:  # nothing that one channel does may end the others
                self.trouble = "{}: {}".format(type(error).__name__, error)
            else:
                self.trouble = ""
                self.told += 1
                log.info("told by %s: %s (%s)", self.channel.name, message.title, answer)
                self._report(message, self.channel.name, "")
                return
            if pause_s is None or time.time() - message.at_utc > STALE_S or self._ended.wait(pause_s):
                self._lose(message, self.trouble)
                return
            log.warning("not told by %s, trying again: %s", self.channel.name, self.trouble)

    def _lose(self, message, reason):
        with self._counting:
            self.lost += 1
        log.error("not told by %s: %s (%s)", self.channel.name, message.title, reason)
        self._report(message, self.channel.name, reason or "lost")
