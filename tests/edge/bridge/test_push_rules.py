"""What a person is told, and when."""

import time

import pytest
from monitor_messages import Clock

from edge.bridge.push_rules import CRY, CRY_ENDED, DATABASE, DEAF, HEARS, LOUD, PAUSED, PushRules, PushSettings, samples
from edge.following.sensors import State

HEARING = State(hearing=True, state="healthy")
CRYING = HEARING._replace(crying=True)
LOST = State(hearing=False, state="lost", detail="unplugged")


@pytest.fixture
def clock():
    return Clock()


def rules(clock, **settings):
    return PushRules(PushSettings(**settings), "nursery", clock, lambda: 1.7e9)


def kinds(messages):
    return [message.kind for message in messages]


def test_a_cry_is_told_once(clock):
    one = rules(clock)
    assert kinds(one.follow(HEARING)) == []
    assert kinds(one.follow(CRYING)) == [CRY]
    clock.now_s += 300
    assert kinds(one.follow(CRYING)) == []


def test_a_cry_of_min_length_is_told_when_it_is_that_long(clock):
    one = rules(clock, min_length_s=10.0)
    assert kinds(one.follow(CRYING)) == []
    clock.now_s += 9.0
    assert kinds(one.follow(CRYING)) == []
    clock.now_s += 1.0
    assert kinds(one.follow(CRYING)) == [CRY]


def test_a_cry_soon_after_another_waits_for_the_gap(clock):
    one = rules(clock, min_gap_s=60.0)
    one.follow(CRYING)
    clock.now_s += 10.0
    one.follow(HEARING)
    assert kinds(one.follow(CRYING)) == []
    clock.now_s += 50.0
    assert kinds(one.follow(CRYING)) == [CRY]


def test_a_cry_that_goes_on_is_told_again_more_urgently(clock):
    one = rules(clock, repeat_s=120.0)
    (first,) = one.follow(CRYING)
    clock.now_s += 120.0
    (again,) = one.follow(CRYING)
    assert again.priority > first.priority and again.text == "for 2 min"


def test_deaf_is_told_after_a_while_and_hearing_again_once(clock):
    one = rules(clock, deaf_after_s=15.0)
    one.follow(HEARING)
    assert kinds(one.follow(LOST)) == []
    clock.now_s += 15.0
    (deaf,) = one.follow(LOST)
    assert (deaf.kind, deaf.text) == (DEAF, "microphone lost: unplugged")
    clock.now_s += 100.0
    assert kinds(one.follow(LOST)) == []
    assert kinds(one.follow(HEARING)) == [HEARS]
    assert kinds(one.follow(HEARING)) == []


def test_a_short_loss_is_not_told(clock):
    one = rules(clock, deaf_after_s=15.0)
    one.follow(HEARING)
    one.follow(LOST)
    clock.now_s += 5.0
    assert kinds(one.follow(HEARING)) == []


def test_a_monitor_that_never_answers_is_told(clock):
    one = rules(clock, deaf_after_s=15.0)
    clock.now_s += 16.0
    (deaf,) = one.follow(State(detail="nobody there"))
    assert deaf.text.startswith("no monitor answers")


def test_quiet_hours_silence_cries_and_nothing_else(clock):
    now = time.localtime(1.7e9)
    minute = 60 * now.tm_hour + now.tm_min
    quiet = ((minute - 30) % 1440, (minute + 30) % 1440)
    one = rules(clock, quiet=quiet, tell_loud=True)
    assert kinds(one.follow(CRYING)) == []
    one.follow(LOST)
    clock.now_s += 20.0
    assert kinds(one.follow(LOST)) == [DEAF]
    assert kinds(rules(clock, quiet=(quiet[1], quiet[0])).follow(CRYING)) == [CRY]


def test_loudness_is_told_when_asked_and_not_beside_a_cry(clock):
    loud = HEARING._replace(loud=True, level_dbfs=-20.0)
    assert kinds(rules(clock).follow(loud)) == []
    one = rules(clock, tell_loud=True)
    assert kinds(one.follow(loud)) == [LOUD]
    assert kinds(one.follow(loud)) == []
    assert kinds(rules(clock, tell_loud=True).follow(loud._replace(crying=True))) == [CRY]


def test_a_database_that_fails_is_told_and_its_recovery(clock):
    one = rules(clock)
    assert kinds(one.follow(HEARING._replace(database_trouble="full"))) == [DATABASE]
    assert kinds(one.follow(HEARING._replace(database_trouble="still full"))) == []
    assert kinds(one.follow(HEARING)) == [DATABASE]


def test_a_pause_is_told_each_time_and_is_no_deafness(clock):
    one = rules(clock)
    one.follow(HEARING)
    paused = State(state="paused", detail="30 min")
    assert kinds(one.follow(paused)) == [PAUSED]
    clock.now_s += 1000.0
    assert kinds(one.follow(paused)) == []
    assert kinds(one.follow(paused._replace(detail="60 min"))) == [PAUSED]  # asked for again
    assert kinds(one.follow(HEARING)) == [HEARS]
    assert kinds(one.follow(paused)) == [PAUSED]


def test_no_name_and_no_cause_unless_switched_on(clock):
    one = rules(clock, tell_end=True)
    messages = one.follow(CRYING) + one.ended(200.0, "hungry") + samples(PushSettings(), "nursery")
    assert not any(word in m.title + m.text for m in messages for word in ("nursery", "hungry"))
    told = rules(clock, tell_end=True, tell_cause=True, tell_name=True)
    (ended,) = told.ended(200.0, None)
    assert (ended.kind, ended.title, ended.text) == (CRY_ENDED, "nursery: Quiet again", "after 3 min, cause uncertain")
    assert rules(clock).ended(200.0, None) == []


@pytest.mark.parametrize(
    "length_s, said", [(8.4, "after 8 s"), (89.4, "after 89 s"), (90.0, "after 2 min"), (3600.0, "after 60 min")]
)
def test_how_long_a_cry_was_is_said_in_seconds_then_in_minutes(clock, length_s, said):
    (message,) = rules(clock, tell_end=True).ended(length_s, "hungry")
    assert (message.kind, message.text) == (CRY_ENDED, said)


def test_a_cause_is_named_only_where_that_is_switched_on(clock):
    (message,) = rules(clock, tell_end=True, tell_cause=True).ended(10.0, "hungry")
    assert message.text == "after 10 s, cause hungry"
    (message,) = rules(clock, tell_end=True, tell_cause=True).ended(10.0, None)
    assert message.text == "after 10 s, cause uncertain"
