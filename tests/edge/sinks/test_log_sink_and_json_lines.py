"""What the log and standard output are told of alerts and events, and what becomes of lines that nobody takes."""

import json
import logging
import os
import sys

import pytest

from edge.log import log, start_log
from edge.records import Alert, Event, ExpertReading, Frame
from edge.sinks.json_lines import JsonLinesSink
from edge.sinks.log_sink import LogSink
from edge.sinks.words import event_object, record_object

ALERT = Alert(12.6, 0.9)
READING = ExpertReading("ios", {"hungry": 0.75, "tired": 0.25}, 1.0, 0.5, 0.45)
EVENT = Event(12.0, 20.5, 0.955, "hungry", 0.7, {"hungry": 0.7, "tired": 0.3}, False, (READING,))
FRAME = Frame(12.4, -41.5, 0.03, False)
UTC = 1.8e9  # 2027-01-15T08:00:00Z


def told(sink):
    """The sink after one of everything."""
    sink.alert(ALERT, UTC)
    sink.frame(FRAME, UTC)
    sink.event(EVENT, UTC)
    sink.status({})
    sink.close()
    return sink


def test_the_log_has_a_line_for_each_alert_and_event_and_none_for_a_frame(caplog):
    caplog.set_level(logging.INFO)
    sink = told(LogSink())
    assert [record.getMessage() for record in caplog.records] == [
        "alert: crying, p 0.90",
        "event: cried for 8.5 s from 2027-01-15T08:00:00.000Z, p 0.95, hungry 70 %"
        "; experts: ios (T 1.00, entropy 0.50, gate 0.45) hungry 0.75",
    ]
    assert (sink.name, sink.dropped, sink.trouble) == ("log", 0, "")


@pytest.fixture
def own_log(monkeypatch):
    """own_log(file) sends the log there."""
    before = (log.handlers, log.level, log.propagate)

    def own_log(file):
        monkeypatch.setattr(sys, "stderr", file)
        start_log()

    yield own_log
    log.handlers, log.level, log.propagate = before


def test_lines_that_the_log_could_not_write_are_counted_and_said(own_log):
    with open("/dev/full", "w") as full:
        own_log(full)
        sink = told(LogSink())
        assert (sink.dropped, sink.trouble) == (2, "No space left on device")


@pytest.fixture
def full_pipe():
    """(reading, writing) ends of a pipe that has no room left."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    written = 0
    while True:
        try:
            written += os.write(writing, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writing, True)
    os.set_blocking(reading, False)
    yield reading, writing, written
    for number in (reading, writing):
        os.close(number)


def wait_while_reading(monkeypatch, reading, left):
    """Whoever waits reads so much meanwhile; returns the waits."""
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if left[0] > 0:
            left[0] -= len(os.read(reading, left[0]))

    monkeypatch.setattr("edge.line_writer.time.sleep", sleep)
    return waits


def test_at_the_end_the_log_waits_for_its_reader(own_log, full_pipe, monkeypatch):
    reading, writing, n_bytes = full_pipe
    with os.fdopen(os.dup(writing), "w") as file:
        own_log(file)
        sink = LogSink()
        sink.alert(ALERT, UTC)
        waits = wait_while_reading(monkeypatch, reading, [n_bytes])
        sink.close()
        assert waits and os.read(reading, 100).endswith(b"alert: crying, p 0.90\n")


def test_at_the_end_standard_output_waits_for_its_reader_for_a_second(full_pipe, monkeypatch):
    reading, writing, n_bytes = full_pipe
    sink = JsonLinesSink(writing)
    sink.alert(ALERT, UTC)
    now_s = [0.0]
    monkeypatch.setattr("edge.line_writer.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("edge.line_writer.time.sleep", lambda seconds: now_s.__setitem__(0, now_s[0] + seconds))
    sink.close()
    assert now_s[0] == pytest.approx(1.0, abs=0.02)
    waits = wait_while_reading(monkeypatch, reading, [n_bytes])
    sink.close()
    assert waits and json.loads(os.read(reading, 1000).decode())["type"] == "alert"


def test_what_waits_goes_out_with_the_next_frame(own_log, full_pipe):
    reading, writing, n_bytes = full_pipe
    json_lines = JsonLinesSink(writing)
    with os.fdopen(os.dup(writing), "w") as file:
        own_log(file)
        log_lines = LogSink()
        for sink in (json_lines, log_lines):
            sink.alert(ALERT, UTC)
        left = n_bytes
        while left:
            left -= len(os.read(reading, left))
        for sink in (json_lines, log_lines):
            sink.frame(FRAME, UTC)
            assert b"alert" in os.read(reading, 1000)
        assert (json_lines.dropped, json_lines.trouble) == (0, "")


@pytest.mark.parametrize("monitor, named", [("", {}), ("cot", {"source": "cot"})])
def test_standard_output_has_an_object_for_each_alert_and_event(monitor, named):
    reading, writing = os.pipe()
    sink = told(JsonLinesSink(writing, monitor))
    alert, event = [json.loads(line) for line in os.read(reading, 4096).decode().splitlines()]
    for number in (reading, writing):
        os.close(number)
    assert alert == dict(named, type="alert", at_utc="2027-01-15T08:00:00.000Z", t_s=12.6, cry_probability=0.9)
    assert (event["start_utc"], event["end_utc"]) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:00:08.500Z")
    assert {key: event.get(key) for key in ("type", "cause", "source")} == {
        "type": "event",
        "cause": "hungry",
        "source": monitor or None,
    }
    assert (sink.name, sink.dropped, sink.trouble) == ("stdout", 0, "")


def test_lines_that_find_no_room_on_standard_output_are_counted_and_said():
    number = os.open("/dev/full", os.O_WRONLY)
    sink = told(JsonLinesSink(number))
    assert (sink.dropped, sink.trouble) == (2, "No space left on device")
    os.close(number)


def test_an_object_has_every_field_but_what_each_expert_made_of_it():
    assert record_object(ALERT, file="a.wav") == {"type": "alert", "file": "a.wav", "t_s": 12.6, "cry_probability": 0.9}
    fields = event_object(EVENT, UTC, source="cot")
    unasked = {"readings", "brief", "infant_score"}
    assert set(fields) == set(Event._fields) - unasked | {"type", "start_utc", "end_utc", "source"}
    assert event_object(EVENT._replace(infant_score=0.5), UTC)["infant_score"] == 0.5
    assert event_object(EVENT._replace(brief=True), UTC)["brief"] is True
    assert record_object(FRAME)["type"] == "frame"
