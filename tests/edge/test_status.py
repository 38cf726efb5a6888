"""What the monitor says of itself: trouble of one kind hides none of another, and is said until it is over."""

import re
import time

import pytest

from edge.status import HEALTHY, LOST, STOPPED, Status


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


def test_before_anything_is_heard_the_line_is_what_was_said_at_the_start(status, lines):
    status.started("bundle 3, litert")
    assert status.line() == "bundle 3, litert"
    status.notice("no socket", "in use")
    assert lines[-1] == "bundle 3, litert; but no socket: in use"


def test_one_of_several_monitors_names_itself(rows):
    status = Status("nursery")
    status.enter(HEALTHY, "hearing USB")
    assert status.line() == "healthy: [nursery] hearing USB"
    assert status.snapshot()["source"] == "nursery" and "source" not in Status().snapshot()


@pytest.mark.parametrize("length, kept", [(1000, 1000), (1001, 997), (3000, 997)])
def test_a_line_that_is_too_long_ends_in_dots(status, length, kept):
    status.enter(LOST, "x" * (length - len("lost: ")))
    assert status.line() == ("lost: " + "x" * length)[:kept] + ("..." if kept < length else "")


def test_the_newest_notices_are_kept_and_each_can_be_asked_for(status):
    for number in range(25):
        status.notice("notice {}".format(number), "")
    assert [notice.what for notice in status.notices] == ["notice {}".format(n) for n in range(5, 25)]
    assert status.says("notice 24") and not status.says("notice 4")
    status.resolved("notice 24", "")
    assert not status.says("notice 24") and status.says("notice 23")


def test_what_has_happened_and_is_over_is_a_row_and_no_notice(status, rows, lines):
    status.remark("overrun", "3 blocks lost")
    assert rows == [("overrun", "3 blocks lost")]
    assert status.notices == () and lines == []


def test_the_newest_rows_wait_for_the_database_in_their_order(rows):
    status = Status()
    for number in range(205):
        status.remark("remark", str(number))
    status.begin(lambda state, detail: rows.append(detail), lambda: None)
    assert rows == [str(number) for number in range(5, 205)]
    status.remark("remark", "now")
    assert rows[200:] == ["now"]


def test_whom_the_bridge_told_is_said_of_the_last_eight(status, lines):
    assert status.snapshot()["told"] == []
    for number in range(10):
        status.somebody_was_told({"by": "ntfy", "what": str(number)})
    assert [told["what"] for told in status.snapshot()["told"]] == [str(number) for number in range(2, 10)]
    assert len(lines) == 10


def test_a_program_is_told_all_of_it(status):
    before_utc = time.time()
    status.monitor = {"version": "1.2"}
    status.figures = {"frames": 7}
    status.enter(STOPPED, "asked to")
    status.notice("no socket", "in use")
    status.database("the disk is full", "the disk is full")
    snapshot = status.snapshot()
    said = {name: snapshot[name] for name in ("type", "state", "detail", "version", "frames", "database_trouble")}
    assert said == {
        "type": "status",
        "state": "stopped",
        "detail": "asked to",
        "version": "1.2",
        "frames": 7,
        "database_trouble": "the disk is full",
    }
    assert snapshot["line"] == status.line()
    assert [(notice["what"], notice["detail"]) for notice in snapshot["notices"]] == [("no socket", "in use")]
    assert (snapshot["episode"], snapshot["last_event"], snapshot["frame_age_s"]) == (None, None, None)
    for written in (snapshot["at_utc"], snapshot["since_utc"], snapshot["notices"][0]["since_utc"]):
        assert re.match(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{3}Z$", written)
    assert before_utc - 1 <= status.notices[0].since_utc <= time.time()


def test_the_age_of_the_last_frame_is_known(status, monkeypatch):
    now_s = [500.0]
    monkeypatch.setattr("edge.status.time.monotonic", lambda: now_s[0])
    status.frame_done(is_crying=False)
    now_s[0] += 1.2345
    assert status.snapshot()["frame_age_s"] == pytest.approx(1.2345, abs=0.00051)


def test_a_cry_that_came_to_nothing_leaves_the_last_event_what_it_was(status, lines):
    status.frame_done(is_crying=False)
    assert lines == []  # nothing has changed
    status.episode_ended({"type": "event", "id": 1})
    status.episode_opened(1.8e9, 0.9)
    status.frame_done(is_crying=False)
    assert status.snapshot()["last_event"] == {"type": "event", "id": 1}
    assert len(lines) == 3
