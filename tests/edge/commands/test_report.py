"""`cry-monitor report`: one file that needs nothing else, whole or not at all."""

import json
import os
import re
import time
import xml.etree.ElementTree

import pytest
from small_disk import small_disk  # noqa: F401

from edge.records import Event
from edge.store import Minute, Store


@pytest.fixture
def database(tmp_path):
    """Two hours with a cry an hour ago and a gap of ten minutes."""
    path = str(tmp_path / "night.db")
    now_utc = time.time()
    with Store(path) as store:
        for number in range(120):
            if not 60 <= number < 70:
                store.add_minute(Minute(now_utc - 7200 + 60 * number, 60.0, 0.0, -60.0, -48.0, 300, 0, 0))
        store.add_event(Event(0.0, 95.0, 0.93, posterior={"hungry": 0.6, "tired": 0.4}), now_utc - 3600, "mic")
        store.add_event(Event(0.0, 20.0, 0.71), now_utc - 1800, "mic")
    return path


@pytest.fixture
def report(run_here, database, tmp_path):
    def report(name, *arguments):
        path = tmp_path / name
        return run_here("report", "--db", database, "--out", path, *arguments), path

    return report


def test_the_page_needs_nothing_else_and_says_it_in_words(report):
    finished, path = report("night.html")
    assert (finished.status, finished.err) == (0, "")
    assert finished.out.startswith("wrote {}: ".format(path)) and finished.out.endswith("2 cries\n")
    page = path.read_text()
    assert not re.search(r"https?:|<script|<link|src=|url\(", page)
    for words in (
        "2 cries, 2 min of crying together; the longest 2 min from",
        "It could not hear for 10 min",
        "uncertain",
        "no cause is named",
        "prefers-color-scheme:dark",
        "@media print",
    ):
        assert words in page
    for picture in re.findall("<svg.*?</svg>", page, re.DOTALL):
        xml.etree.ElementTree.fromstring(picture)
        assert 'role="img"' in picture and "aria-label=" in picture


def test_json_of_the_night(report, validate):
    _, path = report("night.json")
    fields = json.loads(path.read_text())
    validate([fields], "report")
    assert (len(fields["events"]), len(fields["gaps"])) == (2, 1)
    assert sum(hour["cry_s"] for hour in fields["hours"]) == pytest.approx(fields["cry_s"], abs=0.2) == 115.0


def test_a_line_a_minute(report):
    _, path = report("night.csv")
    lines = path.read_text().splitlines()
    assert lines[0] == "start_utc,heard_s,cry_s,mean_dbfs,max_dbfs" and len(lines) == 1 + 110


def test_the_picture_alone(report):
    pytest.importorskip("cairosvg")
    finished, path = report("night.png")
    assert finished.status == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_its_library_says_what_to_do(report, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cairosvg", None)
    finished, path = report("night.png")
    assert finished.status == 1 and "pip install cairosvg" in finished.err
    assert not path.exists()


def test_a_year_is_a_small_page_at_once(report, database, monkeypatch):
    now_utc = time.time()
    with Store(database) as store:
        connection = store._connection
        connection.execute("BEGIN")
        minutes = [(1, 0.0, now_utc - 60 * n, 60.0, 0.0, -60.0, -50.0, 300, 0, 0) for n in range(60 * 24 * 365, 0, -1)]
        connection.executemany(
            "INSERT INTO minutes (session, monotonic_s, start_utc, duration_s, cry_s, mean_dbfs, max_dbfs, frames, "
            "missed_deadlines, dropped_samples) VALUES (?,?,?,?,?,?,?,?,?,?)",
            minutes,
        )
        connection.execute("COMMIT")
    finished, path = report("year.html", "--since", "365d")
    assert finished.status == 0
    assert os.path.getsize(str(path)) < 200e3
    assert "by week" in path.read_text()


@pytest.mark.parametrize(
    "out, said", [("night.pdf", "its ending says the form"), ("nowhere/night.html", "cannot be written"), ("", "")]
)
def test_a_place_that_cannot_be_is_one_line_and_no_file(run_here, database, tmp_path, out, said):
    finished = run_here("report", "--db", database, "--out", tmp_path / out if out else "")
    assert finished.status in (1, 2) and finished.out == ""
    assert finished.err.startswith(("cry-monitor: error: ", "usage: ")) and said in finished.err
    assert sorted(name for name in os.listdir(str(tmp_path)) if "report" in name or "pdf" in name) == []


def test_what_is_no_file_is_left_alone(run_here, database, tmp_path):
    pipe, folder = tmp_path / "pipe.html", tmp_path / "folder.html"
    os.mkfifo(str(pipe))
    folder.mkdir()
    for out in (pipe, folder):
        finished = run_here("report", "--db", database, "--out", out)
        assert finished.status == 1 and "is there and is no file" in finished.err and finished.err.count("\n") == 1
    assert pipe.is_fifo() and folder.is_dir()


def test_on_a_full_disk_it_is_one_line_and_what_was_there_stays(run_here, database, small_disk):  # noqa: F811
    out = os.path.join(small_disk.path, "night.html")
    with open(out, "w") as before:
        before.write("yesterday's")
    small_disk.fill()
    finished = run_here("report", "--db", database, "--out", out)
    assert finished.status == 1 and "No space left" in finished.err and finished.err.count("\n") == 1
    with open(out) as after:
        assert after.read() == "yesterday's"
    assert sorted(os.listdir(small_disk.path)) == ["filler", "night.html"]


def test_without_a_database_it_says_so(run_here, tmp_path):
    finished = run_here("report", "--db", tmp_path / "none.db", "--out", tmp_path / "night.html")
    assert finished.status == 1 and "nothing was recorded yet" in finished.err
    assert not (tmp_path / "night.html").exists()
