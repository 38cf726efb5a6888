"""What is too old is removed, and nothing is removed on the word of a clock that nobody has checked."""

import sqlite3

import pytest

from edge.clock import WatchedClock
from edge.records import Event
from edge.store import Health, Minute, Store
from edge.store.ageing import Cut, lived_cut

DAY_S = 86400.0
NIGHT_UTC = 1.8e9


class Board:
    """A board with a database: it is switched on, hears, and is switched off, at any date and any clock."""

    def __init__(self, path):
        self.path = path
        self.utc = NIGHT_UTC  # what its clock says
        self.synchronised = True
        self._boots = 0

    def start(self, nights=1, events_a_night=1, off_days=0.0):
        """One session of so many days, at the end of each an event and a minute; returns what purge() did."""
        self._boots += 1
        monotonic = [10.0]
        began_utc = self.utc
        clock = WatchedClock(lambda: began_utc + monotonic[0] - 10.0, lambda: monotonic[0], lambda: self.synchronised)
        with Store(self.path) as store:
            store.begin_session(clock)
            with sqlite3.connect(self.path) as raw:  # every start is another one of the machine
                raw.execute(
                    "UPDATE sessions SET boot_id = ? WHERE session = (SELECT MAX(session) FROM sessions)",
                    (str(self._boots),),
                )
            aged = store.purge(clock, keep_days=90, max_mb=100)
            for _ in range(int(nights)):
                monotonic[0] += DAY_S
                for number in range(events_a_night):
                    store.add_event(Event(0, 5, 0.9), clock.now_utc() + number)
                store.add_minute(Minute(clock.now_utc(), 60.0, 5.0, -50.0, -20.0, 300, 0, 0))
                store.add_health(Health(clock.now_utc(), "healthy", ""))
                aged = store.purge(clock, keep_days=90, max_mb=100)
            self.utc = clock.now_utc() + off_days * DAY_S
        return aged

    def kept(self):
        """How many events there are."""
        with Store(self.path, read_only=True) as store:
            return len(store.events())


@pytest.fixture
def board(tmp_path):
    return Board(str(tmp_path / "events.db"))


def nights(board, count, **start):
    """So many nights, one session each."""
    for _ in range(count):
        board.start(**start)


def test_a_board_that_is_on_each_night_keeps_what_it_should(board):
    nights(board, 120)
    assert 89 <= board.kept() <= 91


def test_a_board_that_is_never_off_and_never_knew_the_time_ages_by_what_it_has_lived(board):
    board.synchronised = False
    board.utc = 0.0
    board.start(nights=120)
    assert 89 <= board.kept() <= 91


def test_a_board_that_never_knew_the_time_sums_its_sessions(board):
    board.synchronised = False
    for _ in range(40):
        board.utc = 1e6  # the same date at every start
        board.start(nights=3)
    assert 87 <= board.kept() <= 93


def test_months_in_a_drawer_count_where_the_clock_is_right(board):
    nights(board, 80, off_days=0.0)
    nights(board, 30, off_days=2.0)  # on every third day: 90 days by the clock, 30 lived
    assert 28 <= board.kept() <= 62


@pytest.mark.parametrize("ahead_days", [120, 5000])
def test_a_start_with_the_clock_ahead_removes_nothing(board, ahead_days):
    nights(board, 74)
    board.utc += ahead_days * DAY_S
    aged = board.start(nights=0)
    assert board.kept() == 74
    assert "71 of 74 events" in aged.waits and "kept until it is found synchronised again after" in aged.waits


def test_nor_do_many_starts_on_the_same_day(board):
    nights(board, 74)
    board.utc += 120 * DAY_S
    for _ in range(20):
        board.start(nights=0)
        board.utc += 3600
    assert board.kept() == 74


def test_one_more_start_a_day_later_with_the_clock_still_right_removes_it(board):
    nights(board, 74)
    board.utc += 120 * DAY_S
    board.start(nights=0)
    board.utc += DAY_S + 60
    aged = board.start(nights=0)
    assert (aged.purged.events, aged.waits) == (71, "")
    assert board.kept() == 3  # of the last sessions


def test_a_clock_that_is_right_again_takes_the_wish_back(board):
    nights(board, 74)
    right_utc = board.utc
    board.utc = right_utc + 5000 * DAY_S
    board.start(nights=0)
    board.utc = right_utc
    board.start(nights=0)
    board.utc = right_utc + 120 * DAY_S  # a drawer: again over a tenth, and asked for anew
    board.start(nights=0)
    assert board.kept() == 74


@pytest.mark.parametrize("synchronised", [False, None])
def test_a_clock_that_nobody_keeps_removes_nothing_however_often(board, synchronised):
    nights(board, 20)
    board.synchronised = synchronised
    for _ in range(3):
        board.utc += 300 * DAY_S
        board.start(nights=0)
    assert board.kept() == 20


def test_what_was_heard_in_the_last_sessions_stays_whatever_the_clock_says(board):
    board.utc = 1.7e9  # no clock battery: an old date
    board.start(events_a_night=5)
    board.utc = NIGHT_UTC
    for _ in range(3):
        board.start(nights=0)
        board.utc += 2 * DAY_S
    assert board.kept() == 5


def test_the_owners_purge_is_never_delayed(board):
    board.synchronised = False
    nights(board, 10)
    with Store(board.path) as store:
        assert store.remove(NIGHT_UTC + 5.5 * DAY_S).events == 5
    assert board.kept() == 5


def test_sessions_of_an_older_file_count_from_its_rows(tmp_path):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for _ in range(4):
            store.add_event(Event(0, 5, 0.9), NIGHT_UTC)
    with sqlite3.connect(path) as raw:
        raw.executescript("""
            UPDATE events SET session = (id + 1) / 2, monotonic_s = id * 1000.0;
            DROP TABLE sessions; DROP TABLE facts; DROP TABLE marks; DROP TABLE traces;
            PRAGMA user_version = 2;""")
    Store(path).close()
    rows = sqlite3.connect(path).execute("SELECT session, lives, began_monotonic_s, lasted_s FROM sessions")
    assert rows.fetchall() == [(1, 1, 1000.0, 1000.0), (2, 1, 3000.0, 1000.0)]


@pytest.mark.parametrize(
    "sessions, cut",
    [
        ([], Cut(-1, -1, 0.0)),
        ([(1, 50.0, 100.0)], Cut(-1, -1, 0.0)),
        ([(1, 50.0, 101.0)], Cut(0, 1, 51.0)),
        ([(1, 0.0, 80.0), (3, 7.0, 60.0)], Cut(0, 1, 40.0)),
        ([(1, 0.0, 80.0), (3, 7.0, 100.0)], Cut(1, 1, 0.0)),
        ([(1, 0.0, 9.0), (3, 7.0, 60.0), (4, 7.0, 60.0)], Cut(2, 3, 27.0)),
    ],
)
def test_where_what_was_lived_cuts(sessions, cut):
    assert lived_cut(sessions, keep_s=100.0) == cut


@pytest.mark.parametrize("set_by_s", [0.0, 1.5, 3600.0, -3600.0])
def test_a_clock_that_was_set_between_two_starts_of_the_monitor_is_not_believed(tmp_path, set_by_s):
    """The machine went on meanwhile: its own clock tells."""
    for began_s, moved_s in ((5000.0, 0.0), (9000.0, set_by_s)):
        clock = WatchedClock(lambda: NIGHT_UTC + began_s + moved_s, lambda: began_s, lambda: True)  # noqa: B023
        with Store(str(tmp_path / "events.db")) as store:
            store.begin_session(clock)
            said = clock.distrust(0.0)
    assert said == ("the clock was set less than a day ago" if abs(set_by_s) > 2.0 else "")


def aged(path, clock, keep_days=90):
    with Store(path) as store:
        store.begin_session(clock)
        return store.purge(clock, keep_days=keep_days, max_mb=100)


@pytest.mark.parametrize("lived_days, kept", [(90 - 1 / DAY_S, 1), (90 + 1 / DAY_S, 0)])
def test_a_row_goes_in_the_second_in_which_it_is_too_old(tmp_path, lived_days, kept):
    now_s = [1000.0]
    clock = WatchedClock(monotonic_s=lambda: now_s[0], synchronised=lambda: False)
    with Store(str(tmp_path / "events.db")) as store:
        store.begin_session(clock)
        store.add_event(Event(0, 5, 0.9), NIGHT_UTC)
        now_s[0] += lived_days * DAY_S
        store.purge(clock, keep_days=90, max_mb=100)
        assert len(store.events()) == kept


@pytest.mark.parametrize("n_old, waits", [(10, False), (11, True)])
@pytest.mark.parametrize("table", ["events", "minutes"])
def test_the_clock_removes_a_tenth_of_a_table_at_once_and_no_more(tmp_path, table, n_old, waits):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for number in range(100):
            start_utc = NIGHT_UTC - (100 * DAY_S if number < n_old else 0.0)
            if table == "events":
                store.add_event(Event(0, 5, 0.9), start_utc)
            else:
                store.add_minute(Minute(start_utc, 60.0, 5.0, -50.0, -20.0, 300, 0, 0))
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE {} SET session = id".format(table))
    found = aged(path, WatchedClock(lambda: NIGHT_UTC + 10.0, lambda: 50.0, lambda: True))
    assert getattr(found.purged, table) == (0 if waits else n_old)
    assert bool(found.waits) == waits


def test_what_a_wrong_clock_asked_for_in_its_future_is_asked_for_anew(tmp_path):
    """The wish is of a later time than it is: it says nothing of how long the clock has been right."""
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for number in range(10):
            store.add_event(Event(0, 5, 0.9), NIGHT_UTC - 200 * DAY_S + number)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE events SET session = id")
        raw.execute("INSERT INTO facts VALUES ('ageing_asked_utc', ?)", (repr(NIGHT_UTC + 5 * DAY_S),))
    now_utc = [NIGHT_UTC]
    clock = WatchedClock(lambda: now_utc[0], lambda: now_utc[0] - NIGHT_UTC, lambda: True)
    assert "after 2027-01-16T08:00:00.000Z" in aged(path, clock).waits
    now_utc[0] += DAY_S - 1.0
    assert aged(path, clock).waits
    now_utc[0] += 1.0
    assert aged(path, clock).purged.events == 7  # but those of the last sessions


@pytest.mark.parametrize("written", ["soon", ""])
def test_a_wish_that_cannot_be_read_is_asked_for_anew(tmp_path, written):
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for number in range(10):
            store.add_event(Event(0, 5, 0.9), NIGHT_UTC - 200 * DAY_S + number)
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE events SET session = id")
        raw.execute("INSERT INTO facts VALUES ('ageing_asked_utc', ?)", (written,))
    found = aged(path, WatchedClock(lambda: NIGHT_UTC, lambda: 0.0, lambda: True))
    assert "7 of 10 events and 0 of 0 minutes are over store.keep_days = 90" in found.waits
    assert found.waits.endswith("cry-monitor purge --before 90d removes them now")
