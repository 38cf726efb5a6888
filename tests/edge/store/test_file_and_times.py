"""What the file is set to, what is kept free in it, and what is read back of a stretch of time."""

from stored import MINUTE, NIGHT_UTC, an_event

from edge.store import Health, Trace
from edge.store.marks import marker


def test_the_file_is_kept_small_and_what_refers_to_it_true(store):
    """A log of a megabyte beside it, pages given back, nothing written elsewhere, and no reading without its event."""
    wanted = {"journal_size_limit": 1 << 20, "wal_autocheckpoint": 256, "auto_vacuum": 2, "temp_store": 2}
    wanted.update(foreign_keys=1, page_size=4096)
    assert {name: store._connection.execute("PRAGMA " + name).fetchone()[0] for name in wanted} == wanted


def test_free_pages_are_kept_for_the_day_on_which_the_disk_is_full(store):
    def free():
        return store._connection.execute("PRAGMA freelist_count").fetchone()[0]

    assert store.keep_reserve() == 0 and free() >= 16
    before = free()
    assert store.keep_reserve() == 0 and free() == before  # there are enough
    store._disk_free_bytes = lambda: 2 * 1024 * 1024 - 1
    store._connection.execute("PRAGMA incremental_vacuum({})".format(before)).fetchall()
    store._connection.executescript("PRAGMA incremental_vacuum({});".format(before))
    assert store.keep_reserve() == 0  # nothing to remove, and nothing taken from a disk that is nearly full
    assert free() == 0
    store.add_minute(MINUTE)
    assert store.keep_reserve() == 1 and store.minutes() == []


def test_what_is_counted_is_what_is_removed_and_it_lies_nowhere_any_more(store, path):
    for number in range(4):
        store.add_event(an_event(cause="secretword"), NIGHT_UTC + 100 * number)
        store.add_minute(MINUTE._replace(start_utc=NIGHT_UTC + 100 * number))
        store.add_health(Health(NIGHT_UTC + 100 * number, "hearing", "secretword"))
    before_utc = NIGHT_UTC + 105.0  # the second event ends then
    assert store.count(before_utc)[:3] == (1, 2, 2)
    assert store.count()[:3] == (4, 4, 4)
    assert store.remove(before_utc)[:3] == (1, 2, 2)
    assert [event.start_utc for event in store.events()] == [NIGHT_UTC + 100.0 * number for number in (1, 2, 3)]
    store.remove()
    store.close()
    with open(path, "rb") as file:
        assert b"secretword" not in file.read()


def test_the_stretches_in_which_nobody_heard_and_what_was_heard(store):
    for start_s, length_s in ((0, 60), (60, 60), (180, 60), (300, 30), (331, 60)):
        store.add_minute(MINUTE._replace(start_utc=NIGHT_UTC + start_s, duration_s=float(length_s)))
    everything = (NIGHT_UTC, NIGHT_UTC + 1000)
    assert store.unheard(*everything + (30.0,)) == [
        (NIGHT_UTC + 120, NIGHT_UTC + 180),
        (NIGHT_UTC + 240, NIGHT_UTC + 300),
    ]
    assert len(store.unheard(*everything + (60.0,))) == 0 and len(store.unheard(*everything + (0.5,))) == 3
    assert store.unheard(NIGHT_UTC + 100, NIGHT_UTC + 301, 30.0) == [(NIGHT_UTC + 240, NIGHT_UTC + 300)]
    assert store.heard(*everything) == (NIGHT_UTC, NIGHT_UTC + 391, 270.0)
    assert store.heard(NIGHT_UTC + 60, NIGHT_UTC + 331) == (NIGHT_UTC + 60, NIGHT_UTC + 330, 150.0)
    assert store.heard(0.0, NIGHT_UTC) is None


def test_minutes_health_and_traces_are_of_the_time_that_was_asked_for(store):
    for number in range(3):
        at_utc = NIGHT_UTC + 100 * number
        store.add_minute(MINUTE._replace(start_utc=at_utc))
        store.add_health(Health(at_utc, "hearing", ""))
        store.add_trace(Trace(at_utc - 10, at_utc, b"x"))
    assert len(store.minutes(NIGHT_UTC + 100)) == len(store.health(NIGHT_UTC + 100)) == 2
    assert len(store.traces(NIGHT_UTC + 100)) == 2 and len(store.traces(NIGHT_UTC + 100.1)) == 1
    assert [minute.start_utc for minute in store.minutes(NIGHT_UTC, NIGHT_UTC + 200)] == [NIGHT_UTC, NIGHT_UTC + 100]


def test_a_cry_in_short_says_what_a_picture_shows(store, path):
    store.add_event(an_event(cause="hungry", posterior={"hungry": 1.0}), NIGHT_UTC)
    store.add_event(an_event(brief=True), NIGHT_UTC + 100)
    store.add_event(an_event(), NIGHT_UTC + 200, is_open=True)
    with marker(path) as opened:
        opened.mark(1, "other")
    assert store.cries() == [
        (NIGHT_UTC, NIGHT_UTC + 5, 0.75, "hungry", "ended", 1, "other"),
        (NIGHT_UTC + 100, NIGHT_UTC + 105, 0.75, None, "brief", 0, None),
        (NIGHT_UTC + 200, NIGHT_UTC + 205, 0.75, None, "open", 0, None),
    ]
    assert len(store.cries(NIGHT_UTC + 105)) == 2


def test_a_row_that_is_gone_by_then_is_written_anew(store):
    event_id = store.add_event(an_event(), NIGHT_UTC, is_open=True)
    store.remove()
    assert store.add_event(an_event(), NIGHT_UTC, event_id=event_id) != event_id
    assert [event.state for event in store.events()] == ["ended"]
