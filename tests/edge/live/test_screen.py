"""What every monitor hears now, in lines: deaf is never shown as quiet."""

import pytest
from monitor_messages import alert, event, frame, status

from edge.following.live import Live
from edge.live.screen import SPARK, screen, spark


@pytest.fixture
def live():
    live = Live({"nursery": "/nowhere"})
    live.take("nursery", status())
    live.take("nursery", frame(-45.0, 0.5))
    live.publish()
    return live


def text(live, width=80):
    live.publish()
    lines = screen(live.monitors, width)
    assert max(map(len, lines)) <= width
    return "\n".join(lines)


def test_level_probability_and_state(live):
    live.take("nursery", frame(-45.0, 0.5))
    shown = text(live)
    assert "nursery   hears" in shown and "] -45 dBFS" in shown and "50 %" in shown and "episode    none" in shown


def test_a_cry_and_its_end(live):
    live.take("nursery", alert())
    assert "CRYING" in text(live)
    live.take("nursery", event(60.0, posterior={"hungry": 0.6, "tired": 0.4}))
    assert "CRYING" not in text(live)


def test_deaf_is_said_and_nothing_is_known(live):
    live.take("nursery", status("lost", "unplugged"))
    shown = text(live)
    assert "DOES NOT HEAR (lost): unplugged" in shown
    assert shown.count("unknown") == 4 and "dBFS" not in shown
    live.take("nursery", {"type": "gone", "reason": "no monitor answers"})
    assert "DOES NOT HEAR (gone)" in text(live)


def test_paused_is_paused(live):
    live.take("nursery", status("paused", "until 03:30"))
    assert "PAUSED: until 03:30" in text(live)


@pytest.mark.parametrize("width", [20, 40, 200])
def test_any_width(live, width):
    live.take("nursery", dict(status(), notices=[{"what": "hum", "detail": "50 Hz " * 50, "since_utc": ""}]))
    text(live, width)


def test_the_spark_keeps_the_largest_and_the_newest_at_the_right():
    assert spark([0.0, 1.0], 4) == "   " + SPARK[-1]
    assert spark([0.0] * 99 + [1.0], 10).endswith(SPARK[-1]) and len(spark([0.0] * 99 + [1.0], 10)) == 10
    assert SPARK[-1] in spark([0.0] * 50 + [1.0] + [0.0] * 49, 10)


def test_where_nothing_was_heard_the_spark_says_so(live):
    assert spark([0.0, None, 1.0], 3) == SPARK[0] + "?" + SPARK[-1]
    live.take("nursery", status("lost", "unplugged"))
    live.publish()
    assert "?|" in text(live)


def test_gate_and_second_opinion(live):
    live.take("nursery", dict(frame(-70.0, 0.0), gated=True))
    assert "the gate is closed" in text(live)
    live.take("nursery", dict(frame(-40.0, 0.4), verified=True))
    assert "asked      detector and verifier" in text(live)


def test_who_was_told_and_who_could_not_be(live):
    told = {"at_utc": "2026-11-21T20:00:02.000Z", "by": "push.ntfy", "what": "Crying", "trouble": ""}
    live.take("nursery", dict(status(), told=[told, dict(told, by="push.webhook", trouble="refused")]))
    shown = text(live)
    assert "told       2026-11-21T20:00:02.000Z Crying by push.ntfy" in shown
    assert "NOT, refused: Crying by push.webhook" in shown
