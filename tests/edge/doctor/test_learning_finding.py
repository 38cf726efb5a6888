"""doctor --privacy says what is kept to learn from, also where it was switched off since."""

from edge.config import default_settings
from edge.doctor.finding import OK, WARNING, WRONG
from edge.doctor.learning import learning_findings
from edge.learning.marked_file import Episode, Kept, folder_beside, locked, write_kept

OFF = default_settings()
ON = OFF._replace(learn=OFF.learn._replace(enabled=True))


def kept(database):
    folder = folder_beside(database)
    with locked(folder):
        write_kept(folder, Kept("5ha", [Episode(1.7e9, 1.7e9 + 9, "cry", [[1.0, 2.0, 3.0, 4.0]])]))


def test_nothing_is_kept_unless_switched_on(tmp_path):
    (found,) = learning_findings(OFF, str(tmp_path / "events.db"))
    assert found.state == OK and found.found.startswith("nothing is kept")


def test_what_is_kept_is_said_with_its_bounds(tmp_path):
    database = str(tmp_path / "events.db")
    kept(database)
    (found,) = learning_findings(ON, database)
    said = " ".join(found.evidence)
    assert found.state == OK
    for text in (folder_beside(database), "1 marked events", "100 times 4 numbers", "24 h at most", "300 events"):
        assert text in said


def test_what_is_left_of_before_is_said(tmp_path):
    database = str(tmp_path / "events.db")
    kept(database)
    (found,) = learning_findings(OFF, database)
    assert found.state == WARNING and found.do.endswith("marked.json")


def test_a_damaged_file_is_said(tmp_path):
    database = str(tmp_path / "events.db")
    kept(database)
    (tmp_path / "events.db.learn" / "marked.json").write_text("{")
    (found,) = learning_findings(ON, database)
    assert found.state == WRONG and found.do.startswith("rm ")
