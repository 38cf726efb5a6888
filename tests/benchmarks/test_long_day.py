"""An hour through the daemon: flat memory, files of the stated size, every frame counted; the command hears a day."""

import pytest

from benchmarks.device import long_day
from benchmarks.device.long_day import HOUR, Day, Hour, audio, listen, table

DAY = Day(1000, 1000, 990, 10, 3, 3, 60, 9.0, [Hour(1.0, 70.0, 0.1, 0.2), Hour(2.0, 70.5, 0.1, 0.2)])


def test_an_hour_keeps_every_promise_of_a_day(tmp_path, monkeypatch):
    """Looked at every five minutes: what grows by 1 MB in a day is not seen, what grows with the audio is."""
    monkeypatch.setattr(long_day, "MAY_GROW_MB", 5.0)  # within the first hour, every kind of sound comes for once
    day = listen(audio(1.0, 1, None, nights=1), str(tmp_path), hour=HOUR // 12)
    assert day.broken() == [], table(day)
    assert day.sent_frames == 5 * 3600
    assert day.minutes == 60
    assert day.events > 0


@pytest.mark.parametrize(
    "change, promise",
    [
        ({"frames_skipped": 9}, "every frame is processed or counted as skipped"),
        ({"frames_in": 999}, "every frame is processed or counted as skipped"),
        ({"stored_events": 2}, "every event is in the database"),
        ({"hours": DAY.hours + [Hour(3.0, 75.0, 0.1, 0.2)]}, "memory grows by at most 1 MB after the first hour"),
        ({"hours": DAY.hours + [Hour(3.0, 70.0, 1.1, 0.2)]}, "the database weighs at most 1 MB"),
        ({"hours": DAY.hours + [Hour(3.0, 70.0, 0.1, 2.2)]}, "its log weighs at most 2.1 MB"),
    ],
)
def test_a_promise_that_is_broken_is_named(change, promise):
    assert DAY.broken() == []
    assert DAY._replace(**change).broken() == [promise]
