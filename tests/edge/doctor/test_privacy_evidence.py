"""The evidence is true of real processes: what a process has open is shown, and what must not be is called wrong."""

import os
import subprocess
import sys

import pytest

from edge.doctor import processes
from edge.doctor.privacy import SANDBOX, UNIT_PROPERTIES, privacy_findings

WAITS = "\nimport sys; print('ready', flush=True); sys.stdin.read()"
UNIT = dict(dict.fromkeys(UNIT_PROPERTIES, ""), **SANDBOX)


@pytest.fixture
def look(tmp_path):
    """look(code, unit=None) -> {name: Finding} of a process that ran the code and waits."""
    started = []

    def look(code, unit=None):
        process = subprocess.Popen(
            [sys.executable, "-c", code + WAITS], cwd=str(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        findings = privacy_findings(process.pid, str(tmp_path / "events.db"), unit)
        return {finding.name: finding for finding in findings}

    yield look
    for process in started:
        process.kill()
        process.communicate()


def test_the_database_may_be_written(look, tmp_path):
    files = look("held = [open('events.db' + each, 'w') for each in ('', '-wal', '.lock')]")["files"]
    assert files.state == "ok"
    assert [line for line in files.evidence if str(tmp_path / "events.db-wal") in line]


@pytest.mark.parametrize(
    "code",
    [
        "held = open('night.wav', 'wb')",
        "held = open('night.wav', 'w+b'); import os; os.remove('night.wav')",
        "import mmap; file = open('night.wav', 'w+b'); file.truncate(4096); held = mmap.mmap(file.fileno(), 4096); "
        "file.close()",
    ],
)
def test_another_file_is_wrong(look, code):
    files = look(code)["files"]
    assert files.state == "wrong"
    assert "night.wav" in files.found


def test_where_the_log_goes_is_whoever_started_its_business(look):
    files = look("import os; os.dup2(os.open('log', os.O_WRONLY | os.O_CREAT), 2)")["files"]
    assert files.state == "ok"
    assert [line for line in files.evidence if "/log (" in line]


def test_a_file_that_is_read_is_no_evidence_of_anything(look):
    files = look("held = open('/etc/passwd')")["files"]
    assert files.state == "ok"
    assert not [line for line in files.evidence if "passwd" in line]


@pytest.mark.parametrize(
    "code, kind",
    [
        ("import socket; held = socket.socket(); held.bind(('127.0.0.1', 0)); held.listen(1)", "tcp"),
        ("import socket; held = socket.socket(type=socket.SOCK_DGRAM); held.bind(('127.0.0.1', 0))", "udp"),
    ],
)
def test_a_socket_of_the_network_is_wrong(look, code, kind):
    sockets = look(code)["sockets"]
    assert sockets.state == "wrong"
    assert sockets.found == "of the network: " + kind


def test_a_unix_socket_is_shown(look):
    sockets = look("import socket; held = socket.socketpair()")["sockets"]
    assert sockets.state == "ok"
    assert len([line for line in sockets.evidence if ": unix" in line]) == 2


def test_core_dumps_are_wrong_unless_forbidden(look):
    limits = "import resource; resource.setrlimit(resource.RLIMIT_CORE, ({0}, {0})); "
    allowed = look(limits.format(4096))["core dumps"]
    assert allowed.state == "wrong"
    assert "core limit 4096 / 4096" in allowed.evidence[0]
    assert look(limits.format(0))["core dumps"].state == ("ok" if os.geteuid() == 0 else "wrong")


def test_children_are_looked_at_too(look):
    started = look(
        "import subprocess, sys\nheld = subprocess.Popen([sys.executable, '-c', 'import socket; "
        's = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(1); print(1, flush=True); '
        "import time; time.sleep(60)'], stdout=subprocess.PIPE)\nheld.stdout.readline()\n"
        "import atexit; atexit.register(held.kill)"
    )
    assert len(started["processes"].evidence) == 2
    assert started["sockets"].state == "wrong"
    os.kill(int(started["processes"].evidence[1].split(":")[0]), 9)


@pytest.mark.parametrize(
    "changed, state",
    [
        ({}, "ok"),
        ({"RestrictAddressFamilies": "[unprintable]"}, "ok"),
        ({"PrivateNetwork": "no", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6"}, "wrong"),
        ({"MemorySwapMax": "infinity"}, "warning"),
        ({"ProtectHome": "no"}, "wrong"),
    ],
)
def test_the_unit_is_compared_with_the_one_that_ships(look, changed, state):
    assert look("", dict(UNIT, **changed))["sandbox"].state == state


def test_what_cannot_be_seen_is_said(look):
    findings = look("")
    assert findings["sandbox"].state == "unknown"
    assert findings["not seen"].evidence


def test_somebody_else_is_told_to_ask_root(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with pytest.raises(PermissionError):
        _as_nobody(lambda: processes.open_files(1))
    findings = _as_nobody(lambda: privacy_findings(1, str(tmp_path / "events.db"), None))
    assert {finding.state for finding in findings if finding.name in ("files", "sockets")} == {"unknown"}
    assert all("sudo" in finding.do for finding in findings if finding.name in ("files", "sockets"))


def _as_nobody(look):
    os.seteuid(65534)
    try:
        return look()
    finally:
        os.seteuid(0)


def test_a_process_that_is_gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    for _ in range(2):  # dead, then buried
        with pytest.raises(ProcessLookupError):
            privacy_findings(process.pid, "/nowhere.db", None)
        process.wait()
