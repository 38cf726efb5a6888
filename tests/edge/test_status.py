"""What the monitor says of itself: trouble of one kind hides none of another, and is said until it is over."""

import pytest

from edge.status import HEALTHY, LOST, Status


@pytest.fixture
def rows():
    return []


@pytest.fixture
def lines():
    """What was told, whenever something had changed."""
    return []


@pytest.fixture
def status(rows, lines):
    status = Status()
    status.begin(lambda state, detail: rows.append((state, detail)), lambda: lines.append(status.line()))
    return status


def test_the_line_says_the_lost_microphone_and_the_full_disk_then_the_one_that_remains(status, lines, rows):
    status.enter(LOST, "no microphone")
    status.database("the disk is full", "the disk is full")
    assert "no microphone" in lines[-1] and "the disk is full" in lines[-1]
    status.database("", "it can be written again")
    assert lines[-1] == "lost: no microphone"
    status.database("the disk is full", "the disk is full")
    status.enter(HEALTHY, "hearing USB")
    assert lines[-1] == "healthy: hearing USB; but not_writing: the disk is full"
    assert [state for state, _ in rows] == ["lost", "not_writing", "writing", "not_writing", "healthy"]


def test_a_notice_stays_until_it_is_resolved_and_hides_nothing(status, lines):
    status.enter(HEALTHY, "hearing USB")
    status.notice("clipping", "turn it down", of_sound=True)
    status.notice("not_told stdout", "no space")
    assert lines[-1] == "healthy: hearing USB; but clipping: turn it down; but not_told stdout: no space"
    status.resolved("not_told stdout", "works again")
    assert lines[-1] == "healthy: hearing USB; but clipping: turn it down"


@pytest.mark.parametrize(
    "begins, ends", [("silent", "sounding"), ("configuration refused", "configuration read"), ("silent", "silent")]
)
def test_a_notice_is_replaced_by_what_ends_it(status, lines, begins, ends):
    status.enter(HEALTHY, "hearing USB")
    status.notice(begins, "first")
    status.notice(ends, "then")
    assert ("then" in lines[-1]) == (begins == ends)
    assert "first" not in lines[-1]


def test_what_is_wrong_with_a_microphone_is_not_said_of_the_next_one(status, lines):
    status.enter(HEALTHY, "hearing USB")
    status.notice("silent", "is it muted?", of_sound=True)
    status.notice("no socket", "hearing goes on without it")
    status.enter(LOST, "unplugged")
    assert "muted" in lines[-1]
    status.enter(HEALTHY, "hearing another")
    assert "muted" not in lines[-1] and "no socket" in lines[-1]


def test_rows_wait_for_the_database(rows):
    status = Status()
    status.database("the disk is full", "the disk is full")
    status.begin(lambda state, detail: rows.append(state), lambda: None)
    status.started("engine")
    assert rows == ["not_writing", "started"]


def test_the_line_is_one_line_however_much_there_is_to_say(status):
    status.enter(LOST, "first\nWATCHDOG=1")
    assert "\n" not in status.line()
    for number in range(100):
        status.notice("notice {}".format(number), "x" * 200)
    assert len(status.line()) <= 1000
    assert len(status.notices) == 20


def test_an_episode_is_open_until_its_event_comes_or_it_was_too_short_to_be_one(status):
    status.episode_opened(1.8e9, 0.9)
    assert status.snapshot()["episode"] == {"alert_utc": "2027-01-15T08:00:00.000Z", "cry_probability": 0.9}
    status.episode_ended({"type": "event"})
    status.episode_opened(1.8e9, 0.9)
    status.frame_done(is_crying=True)
    assert status.snapshot()["episode"]
    status.frame_done(is_crying=False)
    assert status.snapshot()["episode"] is None
    assert status.snapshot()["last_event"] == {"type": "event"}
