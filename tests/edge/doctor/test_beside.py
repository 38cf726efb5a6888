"""What doctor says of the bridge and the page."""

import pytest

from edge.doctor.beside import PAGE, beside_finding
from edge.doctor.service import Service

UNIT = Service("cry-monitor-serve", "", "")


def state(active="active", enabled="enabled"):
    return {
        "LoadState": "loaded",
        "ActiveState": active,
        "SubState": "auto-restart",
        "Result": "exit-code",
        "NRestarts": "7",
        "UnitFileState": enabled,
    }


@pytest.mark.parametrize(
    "active, enabled, expected, words",
    [
        ("inactive", "disabled", "ok", "off: there is no page"),
        ("active", "enabled", "ok", "active"),
        ("activating", "enabled", "wrong", "journalctl -u cry-monitor-serve"),
        ("failed", "disabled", "ok", "off"),
        ("active", "disabled", "warning", "sudo systemctl enable --now cry-monitor-serve"),
    ],
)
def test_on_off_and_failing(tmp_path, active, enabled, expected, words):
    tmp_path.chmod(0o750)
    found = beside_finding(PAGE, UNIT, "there is no page", state(active, enabled), str(tmp_path / "events.db"))
    assert found.state == expected and words in found.found + (found.do or "")


def test_a_page_that_may_not_read_the_database_yet(tmp_path):
    tmp_path.chmod(0o700)
    found = beside_finding(PAGE, UNIT, "there is no page", state(), str(tmp_path / "events.db"))
    assert (found.state, found.do) == ("warning", "sudo systemctl restart cry-monitor")
    assert beside_finding(PAGE, UNIT, "", state(), str(tmp_path / "no" / "events.db")).state == "ok"
