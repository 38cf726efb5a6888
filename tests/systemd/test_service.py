"""The unit under a real systemd: READY after warm-up, restarted whatever happens, removed in good order."""

import json
import time

import pytest
from sandbox_probe import REPOSITORY, UNIT

UNIT_PATH = "/etc/systemd/system/" + UNIT


def test_it_is_a_unit_without_complaints(system):
    assert system.run("systemd-analyze", "verify", UNIT_PATH) == ""


def test_it_starts_and_hears(system, hearing):
    hearing()
    assert system.property(UNIT, "NRestarts") == "0"
    texts = [text for _, text in system.journal(UNIT)]
    ready = next(at for at, text in enumerate(texts) if text.startswith("READY"))
    assert ready < next(at for at, text in enumerate(texts) if text.startswith("healthy"))


def test_the_journal_has_the_level_of_each_line(system, hearing):
    hearing()
    assert {level for level, text in system.journal(UNIT) if text.startswith(("READY", "healthy"))} == {6}
    system.run("systemctl", "stop", "microphone")
    system.wait_until(lambda: [text for level, text in system.journal(UNIT) if level == 4 and "lost" in text])
    system.run("systemctl", "start", "microphone")
    hearing()
    assert not [text for _, text in system.journal(UNIT) if text.startswith("<")]


def test_ready_is_said_after_the_warm_up_only(system, hearing):
    slow = (
        "import sys, time, edge.bundle as b; warm = b.Bundle.warm_up; "
        "b.Bundle.warm_up = lambda self: (time.sleep(2), warm(self)); "
        "from edge.commands.main import main; sys.exit(main(['run']))"
    )
    drop_in = "/etc/systemd/system/cry-monitor.service.d/slow.conf"
    system.write(drop_in, '[Service]\nExecStart=\nExecStart=/opt/cry-monitor/bin/python -c "{}"\n'.format(slow))
    system.run("systemctl", "restart", "--no-block", UNIT)
    began = time.monotonic()
    system.wait_until(lambda: system.property(UNIT, "ActiveState") == "activating")
    system.wait_until(lambda: system.property(UNIT, "ActiveState") != "activating")
    assert system.property(UNIT, "ActiveState") == "active"
    assert time.monotonic() - began >= 2
    system.run("rm", drop_in)
    system.run("systemctl", "daemon-reload")
    system.run("systemctl", "restart", UNIT)
    hearing()


@pytest.mark.parametrize("signal, result", [("STOP", "watchdog"), ("KILL", "signal")])
def test_a_frozen_or_killed_monitor_is_restarted(system, hearing, signal, result):
    before = hearing()
    restarts = int(system.property(UNIT, "NRestarts"))
    system.run("kill", "-" + signal, before)
    system.wait_until(lambda: int(system.property(UNIT, "NRestarts")) > restarts)
    after = hearing()
    assert after != before
    assert not system.succeeds("test", "-e", "/proc/" + before)
    assert system.run("pgrep", "-c", "-f", "edge.capture").strip() == "1"  # what read the microphone went with it
    assert "result '{}'".format(result) in system.run("journalctl", "--no-pager", "--unit=" + UNIT)
    assert not system.succeeds("sh", "-c", "ls / /var/lib/cry-monitor /var/lib/systemd/coredump | grep core\\\\.")


def test_a_configuration_that_is_wrong_is_said_and_tried_again(system, hearing):
    hearing()
    path = "/etc/cry-monitor/cry-monitor.toml"
    right = system.run("cat", path)
    system.write(path, "[decision]\nmin_evnt_s = 1\n")
    assert not system.succeeds("systemctl", "restart", UNIT)
    level, text = system.journal(UNIT)[-1]
    assert (level, "did you mean min_event_s?" in text) == (3, True)
    system.write(path, right)
    hearing()  # nobody had to start it


def test_it_reads_its_configuration_again(system, hearing):
    before = hearing()
    system.run("systemctl", "reload", UNIT)
    time.sleep(0.5)
    assert hearing() == before


def test_its_directory_is_private(system, hearing):
    hearing()
    assert system.run("stat", "-L", "-c", "%a", "/var/lib/cry-monitor").strip() == "700"
    assert system.succeeds("ls", "/var/lib/cry-monitor/events.db")
    assert not system.succeeds(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "ls", "/var/lib/cry-monitor/"
    )
    assert system.property(UNIT, "UID") not in ("0", "")


FIRST_LINE = """
import json, socket
reader = socket.socket(socket.AF_UNIX)
reader.connect("/run/cry-monitor.socket")
print(json.loads(reader.makefile().readline())["type"])
"""


def test_the_socket_is_made_outside_the_sandbox_for_members_of_its_group(system, hearing):
    hearing()
    system.run("groupadd", "--force", "--system", "cry-monitor-readers")
    system.run("systemctl", "restart", UNIT)
    hearing()
    assert system.run("stat", "-c", "%a %U %G", "/run/cry-monitor.socket").strip() == "660 root cry-monitor-readers"

    def reads(*groups):
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", *groups)
        return system.succeeds(*nobody, "/opt/cry-monitor/bin/python", "-c", FIRST_LINE)

    group = system.run("getent", "group", "cry-monitor-readers").split(":")[2]
    assert system.run("/opt/cry-monitor/bin/python", "-c", FIRST_LINE).strip() == "status"
    assert (
        system.run(
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--groups=" + group,
            "/opt/cry-monitor/bin/python",
            "-c",
            FIRST_LINE,
        ).strip()
        == "status"
    )
    assert not reads("--clear-groups")
    system.run("systemctl", "stop", UNIT)
    assert not system.succeeds("test", "-e", "/run/cry-monitor.socket")  # nobody who comes back starts the monitor
    system.run("systemctl", "start", UNIT)
    hearing()


def test_the_doctor_shows_the_evidence(system, hearing):
    hearing()
    findings = [json.loads(line) for line in system.run("cry-monitor", "doctor", "--privacy", "--json").splitlines()]
    assert {finding["name"]: finding["state"] for finding in findings} == {
        "processes": "ok",
        "files": "ok",
        "sockets": "ok",
        "network": "ok",
        "core dumps": "ok",
        "swap": "ok",
        "sandbox": "ok",
        "not seen": "unknown",
        "infant": "ok",
        "learning": "ok",
        "told": "ok",
    }
    assert len(findings[0]["evidence"]) == 2


def test_the_doctor_asks_the_service_what_it_hears(system, hearing):
    hearing()
    printed = system.run("cry-monitor", "doctor", "--json", check=False)
    found = {finding["name"]: finding for finding in map(json.loads, printed.splitlines())}
    assert found["microphone"]["state"] == "ok"
    assert found["microphone"]["found"].startswith("the running service says: healthy")
    assert found["database"]["found"].endswith("in /var/lib/cry-monitor/events.db")
    assert found["configuration"]["found"] == "/etc/cry-monitor/cry-monitor.toml"


def test_the_doctor_says_what_only_root_may_see(system, hearing):
    hearing()
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    printed = system.run(*nobody, "cry-monitor", "doctor", "--json", check=False)
    found = {finding["name"]: finding for finding in map(json.loads, printed.splitlines())}
    assert {found[name]["state"] for name in ("microphone", "disk", "database")} == {"unknown"}
    assert {found[name]["do"] for name in ("microphone", "disk", "database")} == {"sudo cry-monitor doctor"}


def test_installing_again_upgrades_and_keeps_the_configuration(system, hearing):
    before = hearing()
    system.run("sh", "-c", "echo '# mine' >>/etc/cry-monitor/cry-monitor.toml")
    # There is no network in there: what is locked is installed already, and nothing else is asked for.
    system.run("env", "PYTHON=/usr/bin/python3", "PIP_NO_INDEX=1", "make", "-C", "/opt/source", "install")
    assert hearing() != before
    assert system.run("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert "# mine" in system.run("cat", "/etc/cry-monitor/cry-monitor.toml")


def test_it_stops_in_good_order(system, hearing):
    hearing()
    system.run("systemctl", "stop", UNIT)
    assert system.property(UNIT, "Result") == "success"
    assert "stopped" in system.journal(UNIT)[-1][1]
    assert not system.succeeds("test", "-e", "/run/cry-monitor")


def test_removed_it_leaves_the_events_and_removed_with_them_nothing(system):
    uninstall = (REPOSITORY / "systemd" / "uninstall").read_text()
    assert "events are still in" in system.run("bash", "-c", uninstall)
    assert system.property(UNIT, "LoadState") == "not-found"
    assert system.succeeds("test", "-s", "/var/lib/private/cry-monitor/events.db")
    assert system.succeeds("test", "-s", "/etc/cry-monitor/cry-monitor.toml")
    system.run("env", "EVENTS=remove", "bash", "-c", uninstall)
    left = system.run("find", "/opt", "/etc", "/usr/local", "/var/lib", "/var/cache", "/run", "-name", "*cry-monitor*")
    ours = ("/opt/source/", UNIT + ".d")  # where it was installed from, and drop-ins of these tests
    assert [path for path in left.splitlines() if not any(name in path for name in ours)] == []
