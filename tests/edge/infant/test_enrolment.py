"""The enrolled infant is one mean in one file of its user's, for one model; what cannot be is said in one line."""

import json
import os
import stat

import numpy as np
import pytest

from edge.doctor.infant import infant_finding
from edge.errors import UserError
from edge.infant.enrolment import cosine, enrolment_of, path_beside, read_enrolment, remove_enrolment, write_enrolment
from edge.infant.own_infant import OwnInfant, open_infant
from edge.infant.requests import chosen, infant_requests
from edge.infant.waiting import Cry
from edge.records import Event
from edge.store import Store
from edge.store.rows import StoredEvent

A, B = np.eye(8)[0], np.eye(8)[1]


def cries(*means_and_seconds):
    return [Cry(100.0 * n, mean, seconds, 1e9) for n, (mean, seconds) in enumerate(means_and_seconds)]


@pytest.fixture
def enrolled(network, database):
    """An OwnInfant whose enrolment is written."""
    infant = OwnInfant(network)
    infant.enrol(database, cries((A, 6), (A, 4), (B, 10)))
    return infant


def test_the_mean_is_over_seconds_and_only_its_user_may_read_it(enrolled, database):
    assert stat.S_IMODE(os.stat(path_beside(database)).st_mode) == 0o600
    read = read_enrolment(database)
    assert read.mean.tolist() == (0.5 * A + 0.5 * B).tolist()
    assert (read.cries, read.seconds) == (3, 20)
    assert enrolled.score(A) == pytest.approx(0.71) and enrolled.score(-B) == pytest.approx(-0.71)
    assert os.listdir(os.path.dirname(database)) == [os.path.basename(path_beside(database))]


def test_a_cosine_needs_a_direction():
    assert cosine(A, 3 * A) == 1.0 and cosine(A, B) == 0.0 and cosine(A, 0 * A) == 0.0


@pytest.mark.parametrize(
    "given, said",
    [
        ([], "0 marked cries of 0 s in all"),
        ([(A, 1), (A, 1), (A, 1)], "3 marked cries of 3 s in all wait in memory, at least 3 of 10 s are needed"),
        ([(A, 60)], "1 marked cries of 60 s"),
    ],
)
def test_an_enrolment_from_too_little_is_refused_and_nothing_written(network, database, given, said):
    with pytest.raises(UserError, match=said):
        OwnInfant(network).enrol(database, cries(*given))
    assert not os.path.exists(path_beside(database))


def changed(database, **fields):
    with open(path_beside(database)) as file:
        content = dict(json.load(file), **fields)
    with open(path_beside(database), "w") as file:
        json.dump(content, file)


@pytest.mark.parametrize(
    "fields, said",
    [
        ({"mean": [0.5, "loud"]}, "mean is"),
        ({"mean": [0.0, 0.0]}, "mean is"),
        ({"mean": []}, "mean is"),
        ({"schema": 2}, "schema is 2"),
        ({"cries": -1}, "cries is -1"),
        ({"model_sha256": "of another"}, "with another embedding model"),
        ({"mean": [0.5, 0.5]}, "with another embedding model"),
    ],
)
def test_a_file_that_cannot_be_is_one_line_and_hearing_goes_on(enrolled, network, database, fields, said):
    changed(database, **fields)
    lines = []
    infant = open_infant(lambda: network, database, lines.append)
    assert infant.enrolment is None and infant.score(A) is None
    (line,) = lines
    assert said in line and "cry-monitor enrol --forget" in line and "\n" not in line


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b'{"mean": [NaN]}', b"[" * 1000, b"0" * 300000])
def test_a_damaged_file_is_one_line(network, database, content):
    with open(path_beside(database), "wb") as file:
        file.write(content)
    lines = []
    assert open_infant(lambda: network, database, lines.append).enrolment is None
    assert len(lines) == 1 and path_beside(database) in lines[0]


def test_no_model_is_one_line(database):
    def no_network():
        raise UserError("the bundle in DIR holds no embedding model")

    lines = []
    assert open_infant(no_network, database, lines.append) is None
    assert lines == ["the bundle in DIR holds no embedding model; events have no score"]


def test_one_command_removes_it(enrolled, database):
    enrolled.waiting.add(1.0, A, 9)
    assert enrolled.forget(database) and not enrolled.forget(database)
    assert not os.path.exists(path_beside(database)) and not remove_enrolment(database)
    assert enrolled.score(A) is None and enrolled.waiting.all() == []


def test_what_cannot_be_written_leaves_what_was(enrolled, network, database):
    nowhere = os.path.join(os.path.dirname(database), "nowhere", "night.db")
    with pytest.raises(UserError, match="cannot be written"):
        write_enrolment(nowhere, enrolment_of(cries((A, 5), (A, 5), (A, 5)), network))
    assert read_enrolment(database).cries == 3


def stored(number, start_utc, mark):
    return StoredEvent(number, "mic", start_utc, start_utc + 5.0, 0.9, None, None, {}, None, mark=mark)


def test_marked_cries_that_wait_are_chosen():
    waiting = cries((A, 5), (B, 5), (A, 5))
    events = [stored(1, 0.0, "cry"), stored(2, 100.0, "other"), stored(3, 200.0, "cry"), stored(4, 300.0, "cry")]
    assert [cry.start_utc for cry in chosen(waiting, events, [])] == [0.0, 200.0]
    assert [cry.start_utc for cry in chosen(waiting, events, [3, 3])] == [200.0]
    for number, said in ((9, "event 9 does not wait"), (2, "event 2 is not marked"), (4, "event 4 does not wait")):
        with pytest.raises(UserError, match=said):
            chosen(waiting, events, [1, number])


def test_the_socket_may_ask(network, database):
    infant = OwnInfant(network)
    with Store(database) as store:
        for n in range(3):
            number = store.add_event(Event(0.0, 6.0, 0.9), 1000.0 + 100 * n)
            infant.waiting.add(1000.0 + 100 * n, A, 4)
    requests = infant_requests(infant, lambda: database)
    with pytest.raises(UserError, match="0 marked cries"):
        requests["enrol"]({})
    for wrong in ("last", [True], [0], ["1"], [1] * 51, {}):
        with pytest.raises(UserError, match="events is"):
            requests["enrol"]({"events": wrong})
    from edge.store.marks import marker

    with marker(database) as opened:
        for each in range(1, number + 1):
            opened.mark(each, "cry")
    assert requests["enrol"]({"events": []}) == {"enrolled": {"cries": 3, "seconds": 12}}
    assert infant.waiting.all() == []
    assert requests["forget_infant"]({}) == {"was_enrolled": True}
    off = infant_requests(None, lambda: database)
    with pytest.raises(UserError, match=r"\[infant\] enabled is false"):
        off["enrol"]({})
    assert off["forget_infant"]({}) == {"was_enrolled": False}


def test_doctor_says_what_is_kept(enrolled, database):
    on = infant_finding(True, database)
    assert on.state == "ok" and "one infant is enrolled" in on.found
    assert any("mode 600" in line and "cry-monitor enrol --forget" in line for line in on.evidence)
    assert any("newest 50 cries, for 24 hours" in line for line in on.evidence)
    os.chmod(path_beside(database), 0o644)
    assert infant_finding(True, database).state == "wrong"
    changed(database, cries="many")
    assert infant_finding(False, database).state == "unknown"
    remove_enrolment(database)
    off = infant_finding(False, database)
    assert (off.state, off.evidence) == ("ok", ()) and "enabled is false" in off.found and "no infant" in off.found
