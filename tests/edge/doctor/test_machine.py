"""What the doctor says of disk, clock and database; of power and groups only that it says something."""

import calendar
import os
import time

import pytest

from edge.config import default_settings
from edge.doctor import machine
from edge.records import Event
from edge.store import Store
from edge.store.buffered_store import BufferedStore


def test_a_disk_with_room(tmp_path):
    finding = machine.disk_finding(str(tmp_path / "state" / "not yet" / "events.db"))
    assert finding.state in ("ok", "warning")
    assert "MB free" in finding.found
    assert os.listdir(str(tmp_path)) == []  # looking makes nothing


@pytest.mark.parametrize("free_mb, state", [(1000, "ok"), (100, "warning"), (10, "wrong")])
def test_a_disk_by_its_room(tmp_path, monkeypatch, free_mb, state):
    class Disk:
        f_bavail, f_frsize = free_mb * 1000, 1000

    monkeypatch.setattr(machine.os, "statvfs", lambda path: Disk)
    assert machine.disk_finding(str(tmp_path / "events.db")).state == state


@pytest.fixture
def somebody():
    """Not root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_disk_that_cannot_be_written(somebody):
    finding = machine.disk_finding("/usr/cry-monitor/events.db")
    assert finding.state == "wrong"
    assert "cannot be written" in finding.found


def test_somebody_else_is_told_to_ask_root(tmp_path, somebody):
    finding = machine.disk_finding(str(tmp_path / "events.db"))  # pytest's folders are the user's own
    assert (finding.state, finding.do) == ("unknown", "sudo cry-monitor doctor")
    assert machine.database_finding(str(tmp_path / "events.db"))[1:3] == finding[1:3]


def test_a_database(tmp_path):
    path = str(tmp_path / "events.db")
    assert machine.database_finding(path).state == "ok"
    with Store(path) as store:
        store.add_event(Event(0.0, 2.0, 0.9), time.time(), "test")
    assert machine.database_finding(path)[1:3] == ("ok", "1 events in " + path)
    with open(path, "wb") as file:
        file.write(b"no database, whatever its name says" * 100)
    assert machine.database_finding(path).state == "wrong"
    BufferedStore(path, default_settings()).close()
    found = machine.database_finding(path)
    assert (found.state, found.found) == ("warning", "0 events in " + path)
    assert found.evidence[0].startswith("set aside: {}.set-aside-damaged-".format(path))


@pytest.mark.parametrize("synchronised, state", [(True, "ok"), (False, "warning"), (None, "unknown")])
def test_a_clock_by_what_the_kernel_says(monkeypatch, synchronised, state):
    monkeypatch.setattr(machine, "is_synchronised", lambda: synchronised)
    assert machine.clock_finding(time.time()).state == state


def test_a_clock_that_stands_in_the_past_is_wrong(monkeypatch):
    monkeypatch.setattr(machine, "is_synchronised", lambda: True)
    finding = machine.clock_finding(calendar.timegm((2020, 1, 1, 0, 0, 0)))
    assert finding.state == "wrong"
    assert "2020-01-01" in finding.found


def test_a_user_without_a_name_is_shown_by_number(monkeypatch, tmp_path):
    """As in a container: whatever is looked at, the diagnosis is not what fails."""
    if os.geteuid():
        pytest.skip("only root becomes another user")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    path = str(tmp_path / "events.db")
    os.seteuid(54321)
    try:
        assert machine.user_name() == "user 54321"
        assert "user 54321" in machine.disk_finding(path).found
        found = [machine.database_finding(path), machine.group_finding(), machine.power_finding()]
    finally:
        os.seteuid(0)
    assert all(finding.found for finding in found)
