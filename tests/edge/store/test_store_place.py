"""Whatever is found where the database should be, the monitor hears, keeps the night, and destroys nothing."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys

import pytest
from damage import DAMAGE, PAGE, overwrite, replaced, statements

from edge.config import default_settings
from edge.records import Event
from edge.store import HeldByAnother, Minute, Store
from edge.store.buffered_store import BufferedStore
from edge.store.failures import StoreFails, Unusable, is_final, refusal
from edge.store.opening import BESIDE
from edge.store.place import MARK, found_aside

NIGHT_UTC = 1.8e9


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A database with a night in it."""
    path = str(tmp_path_factory.mktemp("night") / "events.db")
    with Store(path) as store:
        for number in range(300):
            store.add_event(Event(0, 5, 0.75), NIGHT_UTC + 60 * number)
            store.add_minute(Minute(NIGHT_UTC + 60 * number, 60.0, 5.0, -50.0, -20.0, 300, 0, 0))
    return path


@pytest.fixture
def path(night, tmp_path):
    """A copy of it, to be damaged."""
    return shutil.copy(night, str(tmp_path / "events.db"))


def hear(path):
    """One monitor's life, with one event; its BufferedStore, closed."""
    with BufferedStore(path, default_settings()) as keeper:
        keeper.add_event(Event(0, 7, 0.9), NIGHT_UTC + 1e5)
        assert keeper.trouble == ""
    return keeper


def lengths(path):
    with Store(path, read_only=True) as store:
        return [round(event.end_utc - event.start_utc, 3) for event in store.events()]


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_a_file_that_will_never_do_is_set_aside_whole_and_a_new_one_begun(path, kind, caplog):
    DAMAGE[kind](path)
    with open(path, "rb") as file:
        before = file.read()
    hear(path)
    (aside,) = found_aside(path)
    with open(aside, "rb") as file:
        assert file.read() == before
    assert lengths(path) == [7.0]
    assert caplog.text.count("it is kept as {}, and a new one is begun".format(aside)) == 1
    with Store(path, read_only=True) as store:
        assert [row.state for row in store.health()] == ["set_aside"]
    hear(path)  # and not once more at the next start
    assert found_aside(path) == [aside]
    assert lengths(path) == [7.0, 7.0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET start_utc = 'soon', session = 'last', state = 7 WHERE id % 2",
        "UPDATE minutes SET session = x'ff', monotonic_s = 'x'",
        "UPDATE health SET session = 1.5",
        "DELETE FROM sessions",
        "UPDATE sessions SET began_monotonic_s = 'x', lasted_s = 'y', boot_id = x'ff', began_utc = 'z'",
        "INSERT INTO facts VALUES ('ageing_asked_utc', 'tomorrow')",
        "DELETE FROM sqlite_sequence",
    ],
)
def test_rows_of_the_wrong_type_stop_nothing(path, statement):
    statements(statement + ";")(path)
    hear(path)
    assert found_aside(path) == []
    assert lengths(path)[-1] == 7.0


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_file_and_none_are_begun(tmp_path, content):
    path = str(tmp_path / "events.db")
    if content is not None:
        replaced(content)(path)
    hear(path)
    assert (lengths(path), found_aside(path)) == ([7.0], [])


def test_what_is_set_aside_never_takes_a_name_that_is_there(path, monkeypatch):
    monkeypatch.setattr("edge.store.place.time.strftime", lambda *_: "-now")
    for number in range(3):
        replaced(b"letter %d" % number)(path)
        hear(path)
    found = []
    for aside in found_aside(path):
        with open(aside, "rb") as file:
            found.append(file.read())
    assert found == [b"letter 0", b"letter 1", b"letter 2"]


def test_the_log_beside_it_goes_with_it(path):
    with open(path + "-wal", "wb") as file:
        file.write(b"the newest rows")
    DAMAGE["first page zeroed"](path)
    hear(path)
    (aside,) = found_aside(path)
    with open(aside + "-wal", "rb") as file:
        assert file.read() == b"the newest rows"


def test_damage_while_it_is_open_is_met_as_well(path, caplog):
    with BufferedStore(path, default_settings()) as keeper:
        keeper.checkpoint(Event(3, 8, 0.75), NIGHT_UTC)
        keeper._store.write_back()
        overwrite(PAGE, b"\xff" * 20 * PAGE)(path)
        keeper._store._connection.executescript("PRAGMA cache_size=1; PRAGMA shrink_memory;")  # as after a long time
        for number in range(50):
            keeper.add_event(Event(60.0 * number + 3, 60.0 * number + 9, 0.75), NIGHT_UTC)
            keeper.add_minute(Minute(NIGHT_UTC, 60.0, 5.0, -50.0, -20.0, 300, 0, 0))
        assert keeper.trouble == ""
    assert "and a new one is begun" in caplog.text
    assert len(found_aside(path)) == 1
    assert len(lengths(path)) >= 1 and lengths(path)[-1] == 6.0


def as_folder(path):
    os.mkdir(path)
    with open(os.path.join(path, "photo"), "w") as file:
        file.write("x")


def as_pipe(path):
    os.mkfifo(path)


def as_socket(path):
    socket.socket(socket.AF_UNIX).bind(path)


def as_anothers(path):
    statements("CREATE TABLE songs (name TEXT);")(path)


@pytest.mark.parametrize("make", [as_folder, as_pipe, as_socket, as_anothers])
def test_what_is_not_ours_is_left_alone_and_events_go_beside_it(tmp_path, make, caplog):
    path = str(tmp_path / "music")
    make(path)
    before = os.lstat(path)
    for _ in range(2):
        assert hear(path).path == path + BESIDE
    after = os.lstat(path)
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert lengths(path) == [7.0, 7.0]  # who is told the same place finds them
    assert "left alone" in caplog.text and path + BESIDE in caplog.text
    assert found_aside(path) == []


def test_a_place_where_nothing_can_be_is_heard_over(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "events.db", tmp_path / ("x" * 300), "/proc/nowhere/events.db"):
        with BufferedStore(str(path), default_settings()) as keeper:
            keeper.add_event(Event(0, 7, 0.9), NIGHT_UTC)
            assert keeper.waiting_events == 1
    assert caplog.text.count("still listening, events wait in memory") == 3
    assert caplog.text.count("lost, as the database could not be written: an event of 7.0 s") == 3


def test_the_second_of_two_monitors_refuses_and_names_the_first(path):
    first = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from edge.config import default_settings\n"
            "from edge.store.buffered_store import BufferedStore\n"
            "keeper = BufferedStore(sys.argv[1], default_settings()); print('ready', flush=True); sys.stdin.read()",
            path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        first.stdout.readline()
        linked = path + ".link"
        os.symlink(path, linked)
        for same in (path, linked):
            with pytest.raises(HeldByAnother, match=r"another cry-monitor \(process {}\)".format(first.pid)):
                BufferedStore(same, default_settings())
        with Store(path) as store:  # a command may write
            store.add_event(Event(0, 2, 0.9), NIGHT_UTC)
    finally:
        first.kill()  # no lock outlives its process
        first.communicate()
    hear(path)


def test_a_lock_that_cannot_be_had_keeps_nobody_from_hearing(path):
    os.mkdir(path + ".lock")
    hear(path)
    shutil.rmtree(path + ".lock")
    with open(path + ".lock", "w") as stale:
        stale.write("1\n")  # of a process that is gone, whose number another has by now
    hear(path)


@pytest.mark.parametrize(
    "said, final",
    [
        ("database disk image is malformed", True),
        ("malformed database schema (events)", True),
        ("file is not a database", True),
        ("file is encrypted or is not a database", True),
        ("unsupported file format", True),
        ("no such table: events", True),
        ("no such column: state", True),
        ("table events has no column named state", True),
        ("table events already exists", True),
        ("duplicate column name: state", True),
        ("database is locked", False),
        ("database or disk is full", False),
        ("disk I/O error", False),
        ("unable to open database file", False),
        ("attempt to write a readonly database", False),
        ("interrupted", False),
        ("NOT NULL constraint failed: events.cry_probability", False),
    ],
)
def test_which_errors_say_that_the_file_itself_is_lost(said, final):
    error = sqlite3.OperationalError(said)
    assert is_final(error) is final
    refused = refusal("open", "e.db", error)
    assert type(refused) is (Unusable if final else StoreFails)
    assert getattr(refused, "is_full", False) is ("full" in said)
    assert "cannot open the database e.db: {}; ".format(said) in str(refused)
    assert not is_final(OSError(5, said))


def test_an_error_that_quotes_what_is_no_text_is_one_of_the_file():
    error = UnicodeDecodeError("utf-8", b"\x82", 0, 1, "invalid start byte")
    assert type(refusal("open", "e.db", error)) is Unusable


def test_a_full_disk_is_known_by_its_number_too():
    assert refusal("write to", "e.db", OSError(28, "No space left on device")).is_full
    assert not refusal("write to", "e.db", OSError(13, "Permission denied")).is_full


def test_names_that_only_look_like_what_was_set_aside(path):
    for name in (MARK + "damaged-1-wal", MARK + "damaged-1-shm", ".set", "x" + MARK):
        replaced(b"")(path + name)
    assert found_aside(path) == []
    assert found_aside("/nowhere/events.db") == []
