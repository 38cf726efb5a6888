"""Telling everybody: what one sink does or does not do keeps nothing from the others, and ends nothing."""

import time
from typing import List

from edge.sinks.sink import Sink
from edge.sinks.words import event_object
from edge.status import Status

AGAIN_S = 60.0  # a sink that fails and works by turns is not said any more often
NOT_TOLD = "not_told"


class Sinks(Sink):
    """All sinks as one. Their trouble becomes a notice of the status."""

    name = "all"

    def __init__(self, sinks: List[Sink], status: Status):
        self._sinks = list(sinks)
        self._status = status
        self._said = set()  # names of sinks that are said to be in trouble
        self._quiet_until_s = {}  # by name, monotonic
        self._raised = {}  # by name: what a sink raised when it was told last
        self._missed = {}  # by name: what it was not told for that

    def add(self, sink: Sink) -> None:
        """One more that is told from now on."""
        self._sinks.append(sink)

    # The status first: a sink tells it by itself each second, and one from before would take the news back.

    def alert(self, alert, at_utc):
        self._status.episode_opened(at_utc, alert.cry_probability)
        self._tell("alert", alert, at_utc)

    def event(self, event, start_utc):
        self._status.episode_ended(event_object(event, start_utc))
        self._tell("event", event, start_utc)

    def frame(self, frame, at_utc):
        self._tell("frame", frame, at_utc)

    def status(self, snapshot):
        self._tell("status", snapshot)

    @property
    def dropped(self):
        return sum(self.dropped_by_name().values())

    def dropped_by_name(self):
        """{name of a sink: what it could not tell}."""
        return {sink.name: sink.dropped + self._missed.get(sink.name, 0) for sink in self._sinks}

    def close(self):
        self._tell("close")

    def look(self) -> None:
        """Say what has become of each sink, if anything has."""
        for sink in self._sinks:
            for news in sink.news():
                self._status.remark(NOT_TOLD, "{}: {}".format(sink.name, news))
            self._judge(sink.name, sink.trouble or self._raised.get(sink.name, ""))

    def _tell(self, what, *arguments):
        for sink in self._sinks:
            try:
                getattr(sink, what)(*arguments)
            except Exception as error:
                self._missed[sink.name] = self._missed.get(sink.name, 0) + 1
                self._raised[sink.name] = "{}: {}".format(type(error).__name__, error)
            else:
                self._raised.pop(sink.name, None)

    def _judge(self, name, trouble):
        """Say that a sink has begun to fail, or that it works again."""
        what = "{} {}".format(NOT_TOLD, name)
        now_s = time.monotonic()
        if trouble and name not in self._said and now_s >= self._quiet_until_s.get(name, now_s):
            self._said.add(name)
            self._quiet_until_s[name] = now_s + AGAIN_S
            self._status.notice(what, "{}; what finds no room is dropped, hearing goes on".format(trouble))
        elif not trouble and name in self._said:
            self._said.discard(name)
            self._status.resolved(what, "works again; {} were dropped so far".format(self.dropped_by_name()[name]))
