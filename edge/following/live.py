"""What is shown of every monitor: kept up to date by one thread, handed to whoever looks."""

import json
import threading
import time
from collections import deque
from typing import Any, Dict, List

from edge.following.reader import Readers
from edge.following.sensors import Loudness, Sensors

HISTORY_S = 60.0
EVERY_S = 0.5
POINTS = int(HISTORY_S / EVERY_S)
OF_STATUS = (
    "notices",
    "missed_deadlines",
    "last_event",
    "line",
    "episode",
    "bundle",
    "told",
)  # shown as they were said


class Live(object):
    """Follows the monitors.

    monitors: of each, everything that is shown, newest; snapshot: the same as JSON. version grows with every one;
    wait() returns when there is a newer.
    """

    def __init__(self, sockets: Dict[str, str], loudness=None):
        """sockets: {source's name: path}. loudness: edge.following.sensors.Loudness or None."""
        self.sensors = {name: Sensors(name, loudness) for name in sockets}
        self.statuses = {name: {} for name in sockets}  # type: Dict[str, Dict[str, Any]]
        self._peaks = {name: [None, None, None] for name in sockets}  # level, p, detector's p since the last snapshot
        self._asked = dict.fromkeys(sockets, (False, False))  # whether detector and verifier were, since then
        self._history = {name: deque(maxlen=POINTS) for name in sockets}
        self._sockets = sockets
        self._changed = threading.Condition()
        self._ended = False
        self.version = 0
        self.monitors: List[Dict[str, Any]] = []
        self.snapshot = b"[]"

    def start(self) -> None:
        """Begin to follow, on a thread of its own."""
        threading.Thread(target=self._run, name="live", daemon=True).start()

    def close(self) -> None:
        """End; whoever waits is let go."""
        self._ended = True
        with self._changed:
            self._changed.notify_all()

    def wait(self, version: int, patience_s: float) -> int:
        """Wait until there is another snapshot than that; returns its version, the same after patience_s."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self.version != version, patience_s)
            return self.version

    @property
    def is_over(self) -> bool:
        """Whether close() was called."""
        return self._ended

    def take(self, name: str, message: Dict[str, Any]) -> None:
        """A message of one monitor."""
        sensors = self.sensors[name]
        if message.get("type") == "gone":
            sensors.gone(str(message.get("reason")))
            return
        sensors.take(message)
        if message.get("type") == "status":
            self.statuses[name] = message
        if message.get("type") == "frame":
            values = (message.get("level_dbfs"), message["cry_probability"], message.get("detector_probability", 0.0))
            self._peaks[name] = [larger(*pair) for pair in zip(self._peaks[name], values)]
            detector, verifier = self._asked[name]
            asked = not message.get("gated")
            self._asked[name] = (detector or asked, verifier or bool(message.get("verified")))

    def publish(self) -> None:
        """Make the next snapshot."""
        monitors = [self._monitor(name) for name in self.sensors]
        with self._changed:
            self.monitors = monitors
            self.snapshot = json.dumps(monitors, allow_nan=False).encode("utf-8")
            self.version += 1
            self._changed.notify_all()

    def _monitor(self, name) -> Dict[str, Any]:
        sensors, status = self.sensors[name], self.statuses[name]
        sensors.tick()
        peak = self._peaks[name]
        # What was not heard is no quiet: where no frame came, there is no probability.
        self._history[name].append([peak[0]] + [None if p is None else round(p, 3) for p in peak[1:]])
        asks_detector, asks_verifier = self._asked[name]
        self._peaks[name], self._asked[name] = [None, None, None], (False, False)
        fields = {"name": name, "history": list(self._history[name])}
        fields.update(sensors.state._asdict(), asks_detector=asks_detector, asks_verifier=asks_verifier)
        fields.update({key: status.get(key) for key in OF_STATUS})
        return fields

    def _run(self):
        readers, next_s = Readers(self._sockets), time.monotonic()
        try:
            while not self._ended:
                for name, message in readers.messages(max(0.01, next_s - time.monotonic())):
                    self._take_or_pass(name, message)
                if time.monotonic() >= next_s:
                    next_s = time.monotonic() + EVERY_S
                    self.publish()
        finally:
            readers.close()

    def _take_or_pass(self, name, message):
        try:
            self.take(name, message)
        except (KeyError, TypeError, ValueError, AttributeError):
            return  # of a later version, which knows more kinds of messages than this one


def larger(one, other):
    """The larger of two numbers, either of which may be missing."""
    return one if other is None else float(other) if one is None else max(one, float(other))


def loudness_of(settings):
    """The Loudness of the [loudness] settings, or None."""
    return Loudness(settings.loudness.threshold_dbfs, settings.loudness.for_s) if settings.loudness.enabled else None
