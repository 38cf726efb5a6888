"""The page under a real systemd: it reads the monitor's database where it is enabled, and can write nothing."""

import json

import pytest

MONITOR, PAGE = "cry-monitor.service", "cry-monitor-serve.service"
FOLDER, DATABASE = "/var/lib/private/cry-monitor", "/var/lib/private/cry-monitor/events.db"
ASK = """
import sys, urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8137" + sys.argv[1], timeout=30).read().decode())
"""
REFUSED = """
import urllib.error, urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:8137/report", timeout=30)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode().strip())
"""
# Run in the sandbox of the page; prints what it was let do.
PROBE = """
import json, os, socket, sqlite3
found = {}
def attempt(name, what):
    try:
        found[name] = what() or "done"
    except (OSError, sqlite3.Error) as error:
        found[name] = str(error)
attempt("reads", lambda: open("/var/lib/cry-monitor/events.db", "rb").close())
attempt("writes", lambda: open("/var/lib/cry-monitor/events.db", "ab").close())
attempt("makes", lambda: open("/var/lib/cry-monitor/new", "w").close())
attempt("deletes", lambda: os.unlink("/var/lib/cry-monitor/events.db"))
attempt("inserts", lambda: sqlite3.connect("/var/lib/cry-monitor/events.db").execute("DELETE FROM minutes") and "")
attempt("var", lambda: " ".join(os.listdir("/var/lib")))
attempt("sound", lambda: " ".join(name for name in os.listdir("/dev") if name == "snd"))
attempt("socket", lambda: socket.socket(socket.AF_UNIX).connect("/run/cry-monitor.socket"))
found["uid"] = os.getuid()
print("PROBE" + json.dumps(found))
"""


@pytest.fixture(scope="module")
def page(system):
    """ask(path): the page, enabled and started beside a monitor that hears."""
    system.run("groupadd", "--force", "--system", "cry-monitor-readers")
    system.run("systemctl", "enable", PAGE)
    system.run("systemctl", "restart", MONITOR)
    system.wait_until(lambda: system.property(MONITOR, "StatusText").startswith("healthy"))
    system.run("systemctl", "start", PAGE)
    yield lambda path: system.run("/opt/cry-monitor/bin/python", "-c", ASK, path)
    system.run("systemctl", "disable", "--now", PAGE)
    system.run("systemctl", "restart", MONITOR)


def modes(system):
    return system.run("stat", "-c", "%a %G", FOLDER, DATABASE, DATABASE + "-wal").splitlines()


def test_it_is_a_unit_without_complaints(system):
    assert system.run("systemd-analyze", "verify", "/etc/systemd/system/" + PAGE) == ""


def test_it_shows_the_night_of_the_service(system, page):
    assert modes(system) == ["750 cry-monitor-readers", "640 cry-monitor-readers", "640 cry-monitor-readers"]
    assert "Night of" in page("/report") and "What the figures mean" in page("/report")
    (monitor,) = json.loads(system.wait_until(lambda: page("/monitors")))
    assert monitor["name"] == "nursery"
    system.wait_until(lambda: json.loads(page("/monitors"))[0]["hearing"])


def test_it_shows_the_night_when_the_monitor_has_stopped_or_was_killed(system, page):
    system.run("systemctl", "kill", "--signal=KILL", MONITOR)
    assert "Night of" in page("/report")
    system.run("systemctl", "stop", MONITOR)
    system.run("systemctl", "restart", PAGE)  # who has never been told where the database is
    assert "Night of" in page("/report")
    system.run("systemctl", "start", MONITOR)
    system.wait_until(lambda: system.property(MONITOR, "StatusText").startswith("healthy"))
    assert "Night of" in page("/report")


def found(system, name):
    printed = system.run("cry-monitor", "doctor", "--json", check=False)
    return {finding["name"]: finding for finding in map(json.loads, printed.splitlines())}[name]


def test_the_doctor_says_how_page_and_bridge_fare(system, page):
    assert found(system, "page")["state"] == "ok" and found(system, "page")["found"].startswith("active")
    assert found(system, "bridge")["found"].startswith("off: nobody else is told")
    system.run("chmod", "700", FOLDER)
    assert found(system, "page")["do"] == "sudo systemctl restart cry-monitor"
    system.run("chmod", "750", FOLDER)


def test_its_sandbox_lets_it_read_that_and_no_more(system, page):
    unit = system.run("cat", "/etc/systemd/system/" + PAGE)
    lines = [line for line in unit.splitlines() if not line.startswith(("ExecStart=", "Restart"))]
    command = "ExecStart=/opt/cry-monitor/bin/python /etc/page-probe.py"
    system.write("/etc/page-probe.py", PROBE)
    probe = "\n".join(lines).replace("[Service]", "[Service]\n" + command).replace("Type=notify", "Type=oneshot")
    system.write("/etc/systemd/system/page-probe.service", probe)
    system.run("systemctl", "start", "page-probe", check=False)
    (line,) = [text for _, text in system.journal("page-probe.service") if text.startswith("PROBE")]
    found = json.loads(line[len("PROBE") :])
    assert (found["reads"], found["socket"], found["var"], found["sound"]) == ("done", "done", "cry-monitor", "done")
    assert found["uid"] != 0
    for name in ("writes", "makes", "deletes"):
        assert "Read-only file system" in found[name] or "denied" in found[name].lower(), name
    assert "readonly" in found["inserts"]


def test_it_sees_the_databases_of_the_other_monitors_that_are_enabled(system, page):
    link = "/etc/systemd/system/multi-user.target.wants/cry-monitor@cot.service"
    system.run("sh", "-c", "mkdir -p /var/lib/private/cry-monitor-cot && ln -s /dev/null " + link)
    system.run("systemctl", "daemon-reload")
    try:
        assert "/var/lib/private/cry-monitor-cot:/var/lib/cry-monitor-cot" in system.property(PAGE, "BindReadOnlyPaths")
    finally:
        system.run("rm", link)
        system.run("systemctl", "daemon-reload")
    assert "cot" not in system.property(PAGE, "BindReadOnlyPaths")


def test_only_who_may_read_the_socket_may_read_the_database(system, page):
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", DATABASE)
    assert not system.succeeds(*nobody)


def test_without_the_page_the_database_is_the_monitors_alone(system, page):
    system.run("systemctl", "disable", "--now", PAGE)
    system.run("systemctl", "restart", MONITOR)
    system.wait_until(lambda: system.property(MONITOR, "StatusText").startswith("healthy"))
    assert [line.split()[0] for line in modes(system)] == ["700", "600", "600"]
    system.run("systemctl", "start", PAGE)  # started and not enabled: it says so, and shows what is heard now
    said = system.run("/opt/cry-monitor/bin/python", "-c", REFUSED)
    assert said.startswith("503 ") and "systemctl enable cry-monitor-serve" in said and said.count("\n") == 1
    system.run("systemctl", "stop", PAGE)
