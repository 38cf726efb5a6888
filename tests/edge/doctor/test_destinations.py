"""`doctor --privacy` lists every destination with the very words, no secret, and nobody where nobody is named."""

import pytest

from edge.config import default_settings, load_settings
from edge.doctor.destinations import destination_findings
from edge.doctor.finding import OK, WRONG


def findings(tmp_path, text):
    path = tmp_path / "cry-monitor.toml"
    path.write_text(text)
    return destination_findings(load_settings(str(path)))


def test_nobody_is_said():
    (only,) = destination_findings(default_settings())
    assert only.state == OK and only.found.startswith("nobody")


def test_every_destination_is_listed_with_its_words(tmp_path):
    found = findings(
        tmp_path,
        '[push]\nntfy = "https://ntfy.example/topic"\nntfy_token_file = "/nowhere"\nwebhook = "http://hook.example/"\n'
        'command = "/usr/bin/ring loud"\npushover_user_file = "/nowhere"\npushover_token_file = "/nowhere"\n'
        '[mqtt]\nbroker = "mqtts://broker.example"\nuser = "nursery"\n[heartbeat]\nurl = "https://beat.example/x"\n'
        "[bridge]\nallow_pause = true\n",
    )
    assert [finding.state for finding in found] == [OK] * 7
    where = " ".join(finding.found for finding in found)
    for destination in (
        "ntfy.example/topic",
        "hook.example",
        "/usr/bin/ring",
        "pushover.net",
        "mqtts://broker.example",
    ):
        assert destination in where
    assert "beat.example" in where and "may pause the hearing" in where
    ntfy = found[0].evidence
    assert "Crying" in ntfy and any(line.startswith("Does not hear") for line in ntfy)
    mqtt = next(finding for finding in found if "mqtts" in finding.found).evidence
    assert "cry-monitor/nursery/crying OFF" in mqtt and any("/config {" in line for line in mqtt)


def test_no_name_and_no_cause_unless_switched_on(tmp_path):
    quiet = findings(tmp_path, '[push]\nntfy = "https://n.example/t"\ntell_end = true\n[bridge]\nname = "attic"\n')
    assert not any("attic" in line or "hungry" in line for finding in quiet for line in finding.evidence)
    loud = findings(
        tmp_path,
        '[push]\nntfy = "https://n.example/t"\ntell_end = true\ntell_name = true\ntell_cause = true\n'
        '[bridge]\nname = "attic"\n',
    )
    assert "attic: Quiet again: after 3 min, cause hungry" in loud[0].evidence


@pytest.mark.parametrize(
    "text", ['[push]\nntfy = "x"\n', '[mqtt]\nbroker = "h"\n', '[mqtt]\nbroker = "mqtt://h"\nprefix = "#"\n']
)
def test_what_cannot_be_is_said(tmp_path, text):
    (only,) = findings(tmp_path, text)
    assert only.state == WRONG and only.do
