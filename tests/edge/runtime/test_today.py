"""Crying since midnight: of the whole day, whatever was restarted, and from nothing with every new one."""

import time

import pytest

from edge.records import Event
from edge.runtime.today import Today
from edge.store import Store

MIDNIGHT_UTC = time.mktime((2026, 11, 21, 0, 0, 0, 0, 0, -1))
HOUR_S = 3600.0


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "night.db")
    with Store(path) as store:
        store.add_event(Event(0, 100, 0.9), MIDNIGHT_UTC - HOUR_S)
        store.add_event(Event(0, 100, 0.9), MIDNIGHT_UTC - 60.0)  # of which 40 s are today's
        store.add_event(Event(0, 30, 0.9), MIDNIGHT_UTC + HOUR_S)
    return path


def test_what_was_before_the_start_counts_and_what_was_yesterday_does_not(path):
    assert Today(lambda: path, lambda: MIDNIGHT_UTC + 2 * HOUR_S).cry_s(0) == pytest.approx(70.0)


def test_it_is_read_again_when_an_event_ends_or_a_day_begins(path):
    now = [MIDNIGHT_UTC + 2 * HOUR_S]
    today = Today(lambda: path, lambda: now[0])
    today.cry_s(0)
    with Store(path) as store:
        store.add_event(Event(0, 20, 0.9), now[0])
    assert today.cry_s(0) == pytest.approx(70.0)
    assert today.cry_s(1) == pytest.approx(90.0)
    now[0] += 24 * HOUR_S
    assert today.cry_s(1) == 0.0


def test_a_database_that_cannot_be_read_leaves_what_was_known(path, tmp_path):
    paths = [path]
    today = Today(lambda: paths[0], lambda: MIDNIGHT_UTC + 2 * HOUR_S)
    today.cry_s(0)
    paths[0] = str(tmp_path / "nowhere.db")
    assert today.cry_s(1) == pytest.approx(70.0)
