"""Alerts and events as JSON lines on standard output (docs/schemas/run.schema.json)."""

import json

from edge.line_writer import LineWriter
from edge.log import iso_utc
from edge.sinks.sink import Sink
from edge.sinks.words import event_object, record_object

STDOUT = 1
PATIENCE_S = 1.0  # at the end


class JsonLinesSink(Sink):
    """One object on a line for each alert and each event, to an open descriptor.

    monitor: its name, in every line where there are several.
    """

    name = "stdout"

    def __init__(self, number: int = STDOUT, monitor: str = ""):
        self._named = {"source": monitor} if monitor else {}
        self._writer = LineWriter(number)

    def alert(self, alert, at_utc):
        self._write(record_object(alert, at_utc=iso_utc(at_utc), **self._named))

    def event(self, event, start_utc):
        self._write(event_object(event, start_utc, **self._named))

    def frame(self, frame, at_utc):
        self._writer.flush()

    @property
    def dropped(self):
        return self._writer.dropped

    @property
    def trouble(self):
        return self._writer.trouble

    def close(self):
        self._writer.drain(PATIENCE_S)

    def _write(self, fields):
        self._writer.write((json.dumps(fields, allow_nan=False) + "\n").encode("ascii"))
