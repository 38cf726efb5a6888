"""A pause that somebody asked for: it ends by itself, and is never shown as quiet.

One that was asked for "while_connected" also ends when whoever asked has left: a bridge that dies leaves nobody deaf.
"""

import threading
import time

from edge.errors import UserError

LONGEST_S = 7200.0  # a monitor that is forgotten in the evening hears by midnight
SHORTEST_S = 1.0


class Pause(object):
    """Asked for on the socket's thread, looked at by the listening one."""

    def __init__(self, clock=time.monotonic, wall=time.time):
        self._clock, self._wall = clock, wall
        self._lock = threading.Lock()
        self._until_s = None
        self._until_text = ""
        self._held_by = None  # the reader whose leaving ends it
        self.why_over = "its time is over"

    def requests(self):
        """{name: answer} for the local socket."""
        return {"pause": self.ask, "resume": self.end}

    def ask(self, request):
        """Pause for request["seconds"] from now on; an earlier pause is over. Raises UserError."""
        seconds = request.get("seconds")
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not SHORTEST_S <= seconds <= LONGEST_S:
            raise UserError(
                "seconds is {!r}: a pause takes {:g} to {:g} s".format(seconds, SHORTEST_S, LONGEST_S)[:200]
            )
        with self._lock:
            self._until_s = self._clock() + seconds
            self._until_text = time.strftime("%H:%M:%S", time.localtime(self._wall() + seconds))
            self._held_by = request.get("reader") if request.get("while_connected") is True else None
            self.why_over = "its time is over"
            return {"until": self._until_text}

    def end(self, _request=None):
        """Listen again from now on."""
        with self._lock:
            if self._until_s is not None:
                self.why_over = "as was asked for"
            self._until_s = self._held_by = None
        return {}

    def left(self, reader):
        """A reader of the socket has gone."""
        with self._lock:
            if self._until_s is not None and self._held_by is not None and self._held_by == reader:
                self._until_s = self._held_by = None
                self.why_over = "whoever asked for it is gone"

    @property
    def is_on(self):
        """Whether nothing is to be listened to now."""
        with self._lock:
            return self._until_s is not None and self._clock() < self._until_s

    def until_text(self):
        """When it ends, or ended, local time of day."""
        return self._until_text
