"""A dead man's switch: a request every so often, only while frames are processed. Its silence is the alarm."""

import threading

from edge.bridge.channels import checked_url, post
from edge.errors import UserError
from edge.log import log


class Heartbeat(object):
    """Asks `url` every `every_s` seconds while `alive()` says so."""

    def __init__(self, url: str, every_s: float, alive):
        """alive: () -> bool, whether every monitor processes frames."""
        self.destination = self._url = checked_url("heartbeat.url", url)
        self._every_s = every_s
        self._alive = alive
        self._trouble = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, without waiting for an answer."""
        self._ended.set()

    def beat(self) -> str:
        """One request; what was answered. Raises UserError."""
        return post(self._url, None, {})

    def _run(self):
        while True:
            if self._alive():
                self._beat_or_say()
            if self._ended.wait(self._every_s):
                return

    def _beat_or_say(self):
        try:
            self.beat()
        except UserError as error:
            if str(error) != self._trouble:
                log.warning("no heartbeat: %s", error)
            self._trouble = str(error)
        else:
            if self._trouble:
                log.info("heartbeat again")
            self._trouble = ""
