"""marked.json holds numbers of events that are in the database with a mark, and of no others."""

import json
import os
import stat

import pytest

from edge.errors import UserError
from edge.learning import marked_file
from edge.learning.marked_file import Episode, Kept, Limits, folder_beside, limited, locked, read_kept, settle
from edge.records import Event
from edge.store import Store
from edge.store.marks import marker

START_UTC = 1795291200.125
NETWORKS = "5ha"


def episode(number=0, mark="cry", rows=3):
    return Episode(START_UTC + 60 * number, START_UTC + 60 * number + 9, mark, [[1.5, -2.0, 0.2, -3.1]] * rows)


@pytest.fixture
def database(tmp_path):
    """Of four events, marked cry, cry, other and not at all."""
    path = str(tmp_path / "events.db")
    with Store(path) as store:
        for number in range(4):
            store.add_event(Event(0, 9.0, 0.9), START_UTC + 60 * number)
    with marker(path) as marks:
        for event, mark in ((1, "cry"), (2, "cry"), (3, "other")):
            marks.mark(event, mark)
    return path


@pytest.fixture
def written(database):
    """The folder, with the numbers of the three that are marked."""
    folder = folder_beside(database)
    with locked(folder):
        marked_file.write_kept(folder, Kept(NETWORKS, [episode(0), episode(1), episode(2, "other")]))
    return folder


def starts(kept):
    return [(one.start_utc - START_UTC) / 60 for one in kept.episodes]


def test_it_is_its_users_alone_and_what_was_written_is_read(written):
    for path, mode in ((written, 0o700), (os.path.join(written, "marked.json"), 0o600)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
    assert read_kept(written) == Kept(NETWORKS, [episode(0), episode(1), episode(2, "other")])
    assert os.listdir(written) == ["marked.json"]


def test_marks_that_are_right_change_nothing(database, written):
    before = os.stat(os.path.join(written, "marked.json"))
    assert starts(settle(database)) == [0, 1, 2]
    assert os.stat(os.path.join(written, "marked.json")).st_ino == before.st_ino


def test_a_mark_that_is_changed_or_taken_back_is_so_here(database, written):
    with marker(database) as marks:
        marks.mark(1, "other")
        marks.mark(2, "none")
    kept = settle(database)
    assert starts(kept) == [0, 2] and [one.mark for one in kept.episodes] == ["other", "other"]
    assert read_kept(written) == kept


def test_what_is_purged_goes_and_is_overwritten(database, written):
    path = os.path.join(written, "marked.json")
    with open(path, "rb") as before:
        with Store(database) as store:
            store.remove(START_UTC + 65)
        settle(database)
        assert set(before.read()) == {0}
    assert starts(read_kept(written)) == [1, 2]
    with Store(database) as store:
        store.remove()
    assert settle(database).episodes == [] and os.listdir(written) == []


def test_a_database_that_cannot_be_read_takes_nothing_away(database, written):
    os.rename(database, database + ".away")
    with pytest.raises(UserError, match="no database"):
        settle(database)
    assert starts(read_kept(written)) == [0, 1, 2]


def test_it_is_bounded_in_number_and_bytes_and_the_oldest_go(written):
    kept = read_kept(written)
    assert starts(limited(kept, Limits(2, 10000))) == [1, 2]
    one_and_a_half = len(marked_file._content(kept._replace(episodes=kept.episodes[2:]))) * 3 // 2
    few = limited(kept, Limits(100, one_and_a_half))
    assert starts(few) == [2] and len(marked_file._content(few)) <= one_and_a_half
    assert limited(kept, Limits(100, 10)).episodes == []


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{}",
        '{"networks": 1, "episodes": []}',
        '{"networks": "", "episodes": [{}]}',
        '{"networks": "", "episodes": [{"start_utc": 1, "end_utc": 2, "mark": "cry", "logits": [["x"]]}]}',
        '{"networks": "", "episodes": [{"start_utc": 1, "end_utc": 2, "mark": "perhaps", "logits": [[1]]}]}',
        '{"networks": "", "episodes": [{"start_utc": 1, "end_utc": 2, "mark": "cry", "logits": []}]}',
        "half of a {",
    ],
)
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "marked.json").write_text(content)
    with pytest.raises(UserError, match=r"marked\.json.*remove it"):
        read_kept(str(tmp_path))


def test_a_full_disk_leaves_what_was_there(written, monkeypatch):
    def full(handle, content, *more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(marked_file, "_write_synced", full)
    with pytest.raises(UserError, match="No space left"):
        marked_file.write_kept(written, Kept(NETWORKS, [episode(0)]))
    assert starts(read_kept(written)) == [0, 1, 2] and os.listdir(written) == ["marked.json"]


def test_another_process_that_changes_it_is_waited_for_and_then_named(written, monkeypatch):
    monkeypatch.setattr(marked_file, "LOCKED_S", 0.0)
    with locked(written), pytest.raises(UserError, match="cannot lock"), locked(written):
        pass


def test_no_order_in_time_is_kept():
    ahead, back = [[1.04, 2.0], [3.0, -4.0], [-5.0, 6.0]], [[-5.0, 6.0], [3.0, -4.0], [1.0, 2.0]]
    assert marked_file.unordered(ahead) == marked_file.unordered(back) == [[-5.0, 6.0], [1.0, 2.0], [3.0, -4.0]]


def test_nothing_but_what_is_promised_is_in_it(written):
    with open(os.path.join(written, "marked.json")) as file:
        content = json.load(file)
    assert set(content) == {"networks", "episodes"}
    assert all(set(one) == {"start_utc", "end_utc", "mark", "logits"} for one in content["episodes"])
