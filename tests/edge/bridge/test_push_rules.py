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


def test_what_cannot_wait_is_urgent_and_a_cry_more_urgent_than_the_rest(clock):
    """As ntfy counts: 5 rings through a phone's silence, 3 is what anything has."""
    one = rules(clock, deaf_after_s=15.0, repeat_s=60.0, tell_loud=True, tell_end=True)
    said = one.follow(HEARING._replace(database_trouble="full", loud=True, level_dbfs=-20.4)) + one.ended(5.0, None)
    said += one.follow(CRYING)
    clock.now_s += 60.0
    said += one.follow(CRYING) + one.follow(LOST)
    clock.now_s += 15.0
    said += one.follow(LOST) + one.follow(HEARING) + one.follow(State(state="paused", detail="30 min"))
    assert [(message.kind, message.priority) for message in said] == [
        (DATABASE, 3), (LOUD, 3), (CRY_ENDED, 3), (DATABASE, 3), (CRY, 4), (CRY, 5), (DEAF, 5), (HEARS, 3), (PAUSED, 4),
    ]  # fmt: skip
    assert [message.text for message in said[:2]] == ["full", "-20 dBFS"]


def test_by_default_a_cry_is_told_at_once_and_little_else(clock):
    assert PushSettings() == PushSettings(0.0, 60.0, 0.0, 15.0, None, False, False, False, False)


def test_a_monitor_that_hears_from_the_start_is_nothing_to_tell(clock):
    assert rules(clock).follow(HEARING) == []


@pytest.mark.parametrize("settings, kept", [({}, 15.0), ({"deaf_after_s": 20.0}, 20.0)])
def test_deafness_is_told_at_that_second_and_not_before(clock, settings, kept):
    one = rules(clock, **settings)
    one.follow(HEARING)
    one.follow(LOST)
    clock.now_s += kept - 0.1
    assert one.follow(LOST) == []
    clock.now_s += 0.1
    assert kinds(one.follow(LOST)) == [DEAF]


def test_after_a_pause_deafness_is_counted_anew(clock):
    one = rules(clock)
    one.follow(HEARING)
    one.follow(LOST)
    clock.now_s += 14.0
    one.follow(State(state="paused", detail=""))
    clock.now_s += 14.0
    assert one.follow(LOST) == []
    clock.now_s += 15.0
    assert kinds(one.follow(LOST)) == [DEAF]


def test_a_pause_of_unknown_length_is_told_once(clock):
    one = rules(clock)
    paused = State(state="paused")
    assert kinds(one.follow(paused) + one.follow(paused)) == [PAUSED]


def test_a_database_that_fails_while_nobody_hears_is_told_when_it_hears(clock):
    one = rules(clock)
    assert one.follow(LOST._replace(database_trouble="full")) == []
    (message,) = one.follow(HEARING._replace(database_trouble="full"))
    assert (message.kind, message.title, message.text) == (DATABASE, "Cannot write down", "full")
    (message,) = one.follow(HEARING)
    assert (message.kind, message.title, message.text) == (DATABASE, "Writes down again", "")


def test_a_cry_that_goes_on_is_told_every_time_and_how_long_it_is(clock):
    one = rules(clock, repeat_s=90.0)
    one.follow(CRYING)
    told = []
    for _ in range(6):
        clock.now_s += 45.0
        told += one.follow(CRYING)
    assert [(message.title, message.text) for message in told] == [
        ("Still crying", "for 2 min"),
        ("Still crying", "for 3 min"),
        ("Still crying", "for 4 min"),
    ]
    one.follow(HEARING)
    clock.now_s += 200.0
    (again,) = one.follow(CRYING)  # another cry
    assert (again.title, again.priority) == ("Crying", 4)


def test_a_cry_within_the_gap_is_told_when_it_lasts_as_long_as_it_must(clock):
    one = rules(clock, min_gap_s=60.0, min_length_s=5.0)
    one.follow(CRYING)
    clock.now_s += 5.0
    assert kinds(one.follow(CRYING)) == [CRY]
    one.follow(HEARING)
    clock.now_s += 58.0
    one.follow(CRYING)
    clock.now_s += 2.0  # the gap is over, the length is not
    assert one.follow(CRYING) == []
    clock.now_s += 3.0
    assert kinds(one.follow(CRYING)) == [CRY]


def test_loudness_is_told_again_after_the_gap_and_not_within(clock):
    loud = HEARING._replace(loud=True)
    one = rules(clock, tell_loud=True, min_gap_s=60.0)
    (message,) = one.follow(loud)
    assert message.text == "0 dBFS"  # no level is known
    for waited_s, told in ((59.9, []), (0.1, [LOUD]), (10.0, [])):
        one.follow(HEARING)
        clock.now_s += waited_s
        assert kinds(one.follow(loud)) == told


@pytest.mark.parametrize("begin, end", [(22 * 60, 6 * 60), (6 * 60, 22 * 60), (0, 1)])
@pytest.mark.parametrize("hours", range(0, 24, 3))
def test_quiet_hours_begin_with_their_first_minute_and_end_before_the_last(clock, begin, end, hours):
    midnight = time.mktime((2023, 6, 15, 0, 0, 0, 0, 0, -1))
    for minute in {60 * hours, 60 * hours + 59, begin - 1, begin, end - 1, end}:
        minute %= 1440
        one = PushRules(PushSettings(quiet=(begin, end), tell_end=True), "n", clock, lambda m=minute: midnight + 60 * m)
        is_quiet = begin <= minute < end if begin < end else not end <= minute < begin
        assert kinds(one.follow(CRYING)) == ([] if is_quiet else [CRY])
        assert kinds(one.ended(5.0, None)) == ([] if is_quiet else [CRY_ENDED])


def test_a_cry_that_ends_in_quiet_hours_is_over_after_them(clock):
    midnight = time.mktime((2023, 6, 15, 0, 0, 0, 0, 0, -1))
    now_utc = [midnight]
    one = PushRules(PushSettings(quiet=(10, 20), min_length_s=30.0), "n", clock, lambda: now_utc[0])
    one.follow(CRYING)
    now_utc[0] += 15 * 60
    one.follow(HEARING)
    now_utc[0] += 15 * 60
    clock.now_s += 1800.0
    assert one.follow(CRYING) == []  # it has only begun


def test_a_sample_of_each_message_that_is_sent_and_of_no_other():
    def kinds_of(**settings):
        return sorted(kinds(samples(PushSettings(**settings), "nursery")))

    always = sorted([CRY, DEAF, HEARS, PAUSED, DATABASE])
    assert kinds_of() == kinds_of(quiet=(0, 1440)) == always
    everything = {"repeat_s": 60.0, "tell_loud": True, "tell_end": True}
    assert kinds_of(**everything) == sorted(always + [CRY, LOUD, CRY_ENDED])
    messages = samples(PushSettings(tell_end=True, tell_name=True, tell_cause=True, quiet=(0, 1440)), "nursery")
    assert messages[-1].text == "after 3 min, cause hungry"
    assert all(message.title.startswith("nursery: ") and message.source == "nursery" for message in messages)
