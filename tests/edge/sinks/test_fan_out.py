"""Everybody is told, whatever becomes of one of them; what becomes of it is said, once."""

import pytest

from edge.records import Alert, Event
from edge.sinks import Sink, fan_out
from edge.sinks.fan_out import Sinks
from edge.status import HEALTHY, Status


class Moody(Sink):
    """Fails while it is told to."""

    name = "moody"

    def __init__(self):
        self.raises = self.trouble = ""
        self.told = 0
        self.said = []

    def alert(self, alert, at_utc):
        if self.raises:
            raise ValueError(self.raises)
        self.told += 1

    def news(self):
        said, self.said = self.said, []
        return said


@pytest.fixture
def rows():
    return []


@pytest.fixture
def status(rows):
    status = Status()
    status.begin(lambda state, detail: rows.append((state, detail)), lambda: None)
    status.enter(HEALTHY, "hearing")
    del rows[:]
    return status


@pytest.fixture
def moody():
    return Moody()


@pytest.fixture
def steady():
    return Moody()


@pytest.fixture
def sinks(status, moody, steady):
    steady.name = "steady"
    return Sinks([moody, steady], status)


def tell(sinks, times=1):
    for number in range(times):
        sinks.alert(Alert(1.0 + number, 0.9), 1.8e9)
        sinks.look()


def test_one_that_raises_keeps_nothing_from_the_others_and_is_said_once(sinks, moody, steady, rows, status):
    moody.raises = "no idea"
    tell(sinks, 10)
    assert steady.told == 10
    assert sinks.dropped_by_name() == {"moody": 10, "steady": 0}
    assert rows == [("not_told moody", "ValueError: no idea; what finds no room is dropped, hearing goes on")]
    assert "no idea" in status.line()
    moody.raises = ""
    tell(sinks)
    assert rows[1:] == [("not_told moody", "works again; 10 were dropped so far")]
    assert status.line() == "healthy: hearing"


def test_one_that_fails_by_turns_is_said_once_a_minute(sinks, moody, rows, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(fan_out.time, "monotonic", lambda: now_s[0])
    for _ in range(60):
        for moody.trouble in ("nobody reads it", ""):
            now_s[0] += 1.0
            tell(sinks)
    assert len([detail for _, detail in rows if "nobody reads it" in detail]) == 2


def test_its_news_are_remarks(sinks, moody, rows, status):
    moody.said = ["process 7 does not read and was dropped"]
    tell(sinks, 3)
    assert rows == [("not_told", "moody: process 7 does not read and was dropped")]
    assert status.line() == "healthy: hearing"


def test_a_minute_is_a_minute(sinks, moody, rows, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(fan_out.time, "monotonic", lambda: now_s[0])
    for at_s, said in ((1000.0, 1), (1059.9, 1), (1060.1, 2)):
        now_s[0] = at_s
        for moody.trouble in ("nobody reads it", ""):
            tell(sinks)
        assert len([detail for _, detail in rows if "nobody reads it" in detail]) == said


class Curious(Sink):
    """Asks for the status whenever it is told something, as one does that tells it each second."""

    name = "curious"

    def __init__(self, status):
        self._status = status
        self.crying = []

    def alert(self, alert, at_utc):
        self.crying.append(self._status.snapshot()["episode"] is not None)

    def event(self, event, start_utc):
        self.crying.append(self._status.snapshot()["episode"] is not None)


def test_the_status_never_says_the_opposite_of_what_was_just_told(status):
    curious = Curious(status)
    sinks = Sinks([curious], status)
    sinks.alert(Alert(1.0, 0.9), 1.8e9)
    sinks.event(Event(0.5, 4.0, 0.9), 1.8e9)
    assert curious.crying == [True, False]
