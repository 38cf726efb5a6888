"""Alerts and events in the log."""

from edge.log import iso_utc, log, log_writer
from edge.sinks.sink import Sink
from edge.sinks.words import readings_text, remarks_text

PATIENCE_S = 0.5  # at the end


class LogSink(Sink):
    """A line for each alert and each event; frames and status are not for a log."""

    name = "log"

    def __init__(self):
        self._writer = log_writer()

    @property
    def dropped(self):
        return self._writer.dropped if self._writer else 0

    @property
    def trouble(self):
        return self._writer.trouble if self._writer else ""

    def frame(self, frame, at_utc):
        if self._writer:
            self._writer.flush()

    def close(self):
        if self._writer:
            self._writer.drain(PATIENCE_S)

    def alert(self, alert, at_utc):
        log.info("alert: crying, p %.2f", alert.cry_probability)

    def event(self, event, start_utc):
        log.info(
            "event: cried for %.1f s from %s, p %.2f%s%s",
            event.end_s - event.start_s,
            iso_utc(start_utc),
            event.cry_probability,
            remarks_text(event),
            readings_text(event),
        )
