"""The files of the store: whose they are, who may read them, what is not ours is refused and left as it is."""

import os
import sqlite3
import stat

import pytest
from stored import NIGHT_UTC, an_event

from edge.errors import UserError
from edge.store import APPLICATION_ID, SCHEMA_VERSION, NotOurs, Store, StoreFails, default_path


def test_the_file_says_it_is_ours_and_private_to_the_user(store, path):
    raw = sqlite3.connect(path)
    assert raw.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert raw.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0


@pytest.mark.parametrize("mask", [0o022, 0o000, 0o277])
def test_only_the_user_may_read_what_is_kept_whatever_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        with Store(str(tmp_path / "events.db")) as store:
            store.add_event(an_event(), NIGHT_UTC)
            for name in os.listdir(str(tmp_path)):
                assert stat.S_IMODE(os.stat(str(tmp_path / name)).st_mode) == 0o600, name
    finally:
        os.umask(before)


def test_what_others_may_read_is_tightened(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    folder = tmp_path / "cry-monitor"
    path = folder / "events.db"
    Store(str(path)).close()
    os.chmod(str(folder), 0o755)
    os.chmod(str(path), 0o644)
    Store(str(path), read_only=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # who only reads changes nothing
    Store(str(path)).close()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, folder)] == [0o600, 0o700]


@pytest.mark.parametrize("folder_mode, mode", [(0o700, 0o600), (0o750, 0o640)])
def test_in_the_service_the_group_may_read_where_it_may_read_the_folder(tmp_path, monkeypatch, folder_mode, mode):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    path = tmp_path / "events.db"
    for other in (0o750, 0o700, folder_mode):  # the page is enabled, disabled: the file follows
        os.chmod(str(tmp_path), other)
        Store().close()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    with Store() as store:
        store.add_event(an_event(), NIGHT_UTC)
        beside = [stat.S_IMODE(os.stat(str(path) + suffix).st_mode) for suffix in ("-wal", "-shm")]
    assert beside == [mode, mode]


def test_a_folder_that_this_user_may_not_write_is_no_hindrance_to_reading(tmp_path):
    """A backup, another account: as another user, which takes root to become."""
    if os.geteuid():
        pytest.skip("only root becomes another user")
    path = tmp_path / "events.db"
    with Store(str(path)) as store:
        store.add_event(an_event(), NIGHT_UTC)
    path.chmod(0o644)
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        with Store(str(path), read_only=True) as store:
            assert len(store.events()) == 1
    finally:
        os.seteuid(0)


def test_a_path_that_cannot_be_opened_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFails, match="cannot open the database {}".format(tmp_path / "file" / "events.db")):
        Store(str(tmp_path / "file" / "events.db"))
    for no_file in (tmp_path, "/dev/null"):
        with pytest.raises(NotOurs, match="{} is no file, and is left alone".format(no_file)):
            Store(str(no_file))


def test_a_file_that_is_no_database_is_refused_and_untouched(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, a letter to the baby " * 100)
    before = path.read_bytes()
    with pytest.raises(UserError, match="file is (not a database|encrypted)"):
        Store(str(path))
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_untouched(tmp_path):
    path = str(tmp_path / "other.db")
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE songs (name TEXT)")
    other.commit()
    with pytest.raises(UserError, match="another program's database"):
        Store(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("songs",)]


def test_reading_makes_no_file(path):
    with pytest.raises(UserError, match="no database at"):
        Store(path, read_only=True)
    assert not os.path.exists(path)


def test_odd_characters_in_the_path(tmp_path):
    path = str(tmp_path / "a?b#c%20d é.db")
    with Store(path) as store:
        store.add_event(an_event(), NIGHT_UTC)
    with Store(path, read_only=True) as reader:
        assert len(reader.events()) == 1


def test_the_default_path_is_the_services_or_the_users(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    assert default_path() == "/xdg/cry-monitor/events.db"
    monkeypatch.setenv("HOME", "/home/parent")
    for not_whole in ("", "state"):
        monkeypatch.setenv("XDG_STATE_HOME", not_whole)
        assert default_path() == "/home/parent/.local/state/cry-monitor/events.db"
    assert default_path() == "/home/parent/.local/state/cry-monitor/events.db"
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/cry-monitor:/var/lib/other")
    assert default_path() == "/var/lib/cry-monitor/events.db"


def test_a_path_of_which_nothing_can_be_made_is_said_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="~no-such-user/e.db: no home directory is known"):
        Store("~no-such-user/e.db")
    with pytest.raises(UserError, match="holds a NUL"):
        Store("a\0b")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(str(gone))
    gone.rmdir()
    with pytest.raises(UserError, match="the folder in which this was started is gone"):
        Store("e.db")
