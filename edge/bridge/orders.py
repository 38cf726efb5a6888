"""What Home Assistant asks of a monitor: a pause, its end, a mark. Taken from the broker, handed to the local socket.

PREFIX/NAME/set/pause: ON (for half an hour), OFF, or so many minutes. PREFIX/NAME/set/mark: cry or other, for the
newest event, or {"event": 12, "mark": "cry"}.

A pause is held by a connection to the monitor: when this process dies, the monitor hears again.
"""

import json
import queue
import threading
from typing import Any, Dict, Tuple

from edge.errors import UserError
from edge.log import log
from edge.sinks.client import Client
from edge.status import PAUSED
from edge.store.marks import LAST, checked_mark
from edge.text import shown

SWITCH_MINUTES = 30.0
MOST_MINUTES = 120.0
MOST_WAITING = 20
LONGEST_PAYLOAD = 200  # bytes
NOT_ALLOWED = "pausing over MQTT is not allowed: set [bridge] allow_pause = true"


class Orders(object):
    """Takes messages on any thread and never waits; carries them out on one of its own.

    sockets: {source's name: path}.
    """

    def __init__(self, sockets: Dict[str, str], prefix: str, allow_pause: bool):
        self.topics = prefix + "/+/set/+"  # the filter to subscribe to
        self._passed_over = 0  # counted by the broker's thread,
        self._not_done = 0  # and by this one's: a sum of both by two threads would lose some
        self._sockets, self._prefix, self._allow_pause = sockets, prefix, allow_pause
        self._waiting = queue.Queue(MOST_WAITING)  # type: queue.Queue
        self._said_full = False
        threading.Thread(target=self._run, name="orders", daemon=True).start()

    @property
    def refused(self) -> int:
        """How many were not carried out."""
        return self._passed_over + self._not_done

    def take(self, topic: str, payload: bytes) -> None:
        """A message of the broker; of another bridge's monitors there may be some."""
        if self._name_of(topic) not in self._sockets:
            return
        try:
            self._waiting.put_nowait((topic, payload))
            self._said_full = False
        except queue.Full:
            self._passed_over += 1
            if not self._said_full:
                log.warning("MQTT: more is asked than can be answered, and is passed over")
            self._said_full = True

    def _run(self):
        while True:
            topic, payload = self._waiting.get()
            try:
                self._carry_out(topic, payload)
            except UserError as error:
                self._not_done += 1
                log.warning("MQTT: %s: %s", topic[:100], error)
            except Exception as error:  # nothing that is asked may end the thread that answers
                self._not_done += 1
                log.warning("MQTT: %s: %s: %s", topic[:100], type(error).__name__, error)

    def _name_of(self, topic):
        return topic[len(self._prefix) + 1 :].partition("/set/")[0]

    def _carry_out(self, topic, payload):
        name, what = self._name_of(topic), topic.rpartition("/")[2]
        if len(payload) > LONGEST_PAYLOAD:
            raise UserError("{} bytes are asked, at most {}".format(len(payload), LONGEST_PAYLOAD))
        text = payload.decode("utf-8", "replace").strip()
        if what == "pause":
            self._pause(name, pause_seconds(text))
        elif what == "mark":
            event, mark = mark_of(text)
            with Client(self._sockets[name]) as client:
                marked = client.request("mark", event=event, mark=mark)["marked"]
            log.info("%s: event %s of %s is marked over MQTT: %s", name, marked["event"], marked["start_utc"], mark)
        else:
            raise UserError("there is no such request: use pause or mark")

    def _pause(self, name, seconds):
        if not self._allow_pause:
            raise UserError(NOT_ALLOWED)
        if not seconds:
            with Client(self._sockets[name]) as client:
                client.request("resume")
            return
        client = Client(self._sockets[name])
        try:
            until = client.request("pause", seconds=seconds, while_connected=True)["until"]
        except BaseException:
            client.close()
            raise
        log.warning("%s is paused over MQTT until %s", name, until)
        threading.Thread(target=hold, args=(client,), name="pause of " + name, daemon=True).start()


def hold(client: Client) -> None:
    """Read a connection, for the monitor to know that somebody is there, until the pause is over."""
    was_paused = False
    try:
        for message in client.messages():
            is_paused = message.get("state") == PAUSED
            if message["type"] == "status" and was_paused and not is_paused:
                return
            was_paused = was_paused or is_paused
    except UserError:
        return  # the monitor has gone: it has no pause any more
    finally:
        client.close()


def pause_seconds(text: str) -> float:
    """Seconds of ON, OFF (0) or a number of minutes. Raises UserError."""
    if text in ("ON", "OFF"):
        return 60.0 * SWITCH_MINUTES if text == "ON" else 0.0
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1.0
    if not 1.0 <= minutes <= MOST_MINUTES:
        raise UserError("{} is asked: use ON, OFF or 1 to {:g} minutes".format(shown(text), MOST_MINUTES))
    return 60.0 * minutes


def mark_of(text: str) -> Tuple[Any, str]:
    """(event's number or LAST, mark) of a word or of JSON. Raises UserError."""
    event, mark = LAST, text  # type: Tuple[Any, Any]
    if text.startswith("{"):
        try:
            fields = json.loads(text)
            event, mark = fields["event"], fields["mark"]
        except (ValueError, KeyError, RecursionError):
            raise UserError(
                '{} is asked: use cry, other or {{"event": 12, "mark": "cry"}}'.format(shown(text))
            ) from None
    checked_mark(event, mark)
    return event, mark
