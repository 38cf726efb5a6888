"""The unit under a real systemd: READY after warm-up, restarted whatever happens, private, without a network."""

import json
import re
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent.parent
UNIT = "cry-monitor.service"
UNIT_PATH = "/etc/systemd/system/" + UNIT

# Run in the same sandbox as the monitor; prints what it was let do.
PROBE = r"""
import json, mmap, os, socket, subprocess, sys
found = {}
SOCKETS = SOCKETS_OF_OTHERS
def attempt(name, what):
    try:
        found[name] = what() or "done"
    except OSError as error:
        found[name] = os.strerror(error.errno)
attempt("inet", lambda: socket.create_connection(("127.0.0.1", 8731), 1).close())
attempt("inet6", lambda: socket.socket(socket.AF_INET6).close())
attempt("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close())
attempt("unix", lambda: socket.socket(socket.AF_UNIX).close())
attempt("abstract", lambda: socket.socket(socket.AF_UNIX).connect("\0outside"))
attempt("interfaces", lambda: " ".join(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line))
attempt("home", lambda: str(os.listdir("/root")))
attempt("etc", lambda: open("/etc/written", "w").close())
attempt("opt", lambda: open("/opt/cry-monitor/written", "w").close())
attempt("tmp", lambda: " ".join(os.listdir("/tmp")))
for place in ("/tmp", "/var/tmp", "/dev/shm"):
    attempt("file in " + place, lambda: open(place + "/written", "w").close())
    attempt("disk of " + place, lambda: subprocess.check_output(["stat", "-f", "-c", "%T", place]).decode().strip())
    attempt("others in " + place, lambda: " ".join(set(os.listdir(place)) - {"written"}))
for place in ("/run/lock", "/run", "/var/log"):
    attempt("file in " + place, lambda: open(place + "/written", "w").close())
for path in SOCKETS:
    attempt("socket " + path, lambda: socket.socket(socket.AF_UNIX).connect(path))
telling = lambda path: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect(path)
attempt("socket of the journal", lambda: telling("/run/systemd/journal/socket"))
attempt("socket of systemd", lambda: telling("/run/systemd/notify"))
attempt("socket of sound", lambda: socket.socket(socket.AF_UNIX).connect("/run/microphone/native"))
group = "/sys/fs/cgroup" + open("/proc/self/cgroup").read().strip().split("::")[1] + "/"
for name in ("memory.max", "memory.swap.max", "pids.max"):
    attempt(name, lambda: open(group + name).read().strip())
import resource
attempt("large file", lambda: open(os.environ["STATE_DIRECTORY"] + "/large", "w").truncate(2 << 30))
found["locks"] = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
from edge.runtime.private_memory import lock_memory
found["locked"] = lock_memory()
attempt("state", lambda: open(os.environ["STATE_DIRECTORY"] + "/probe", "w").close())
attempt("sound device", lambda: os.close(os.open("/dev/snd/pcmC9D9c", os.O_RDWR)))
attempt("sound device of others", lambda: os.close(os.open("/dev/snd/pcmC8D8c", os.O_RDWR)))
attempt("other device", lambda: os.close(os.open("/dev/other", os.O_RDWR)))
attempt("write and run memory", lambda: mmap.mmap(-1, 4096, prot=7).close())
attempt("cpuinfo", lambda: open("/proc/cpuinfo").close())
attempt("other processes", lambda: " ".join(name for name in os.listdir("/proc") if name == "1"))
attempt("become root", lambda: os.setuid(0))
attempt("new namespace", lambda: subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode)
attempt("mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/tmp"], stderr=subprocess.DEVNULL).returncode)
found["uid"] = os.getuid()
print("PROBE" + json.dumps(found))
"""

# World-writable, as the daemons make them; whoever listens there could send on what it is told.
SOCKETS_OF_OTHERS = [
    "/run/dbus/system_bus_socket",
    "/run/avahi-daemon/socket",
    "/run/systemd/resolve/io.systemd.Resolve",
    "/run/systemd/userdb/io.systemd.DynamicUser",
    "/run/docker.sock",
    "/run/user/1000/bus",
]

CAP_SYS_RESOURCE = 24


def may_raise_limits():
    """Whether a process 1 that is started here may give a service more than the limits it got itself."""
    status = Path("/proc/self/status").read_text()
    return bool(int(re.search("^CapEff:\\s*(\\w+)", status, re.MULTILINE)[1], 16) & 1 << CAP_SYS_RESOURCE)


def outside(system):
    """What a monitor without a sandbox could reach: a server, a socket, a file, devices."""
    listener = (
        "import socket, time; a = socket.socket(); a.bind(('127.0.0.1', 8731)); a.listen(1); "
        "b = socket.socket(socket.AF_UNIX); b.bind(chr(0) + 'outside'); b.listen(1)\n"
        "import os\n"
        "for path in {}:\n"
        "  os.makedirs(os.path.dirname(path), exist_ok=True)\n"
        "  if not os.path.exists(path):\n"
        "    c = socket.socket(socket.AF_UNIX); c.bind(path); c.listen(1); os.chmod(path, 0o777)\n"
        "    globals().setdefault('held', []).append(c)\n"
        "time.sleep(60)"
    ).format(SOCKETS_OF_OTHERS)
    system.run("systemd-run", "--quiet", "--unit=listener", "python3", "-c", listener)
    system.run(
        "sh",
        "-c",
        "touch /tmp/somebodys; mkdir -p /dev/snd; cd /dev/snd; mknod -m 660 pcmC9D9c c {0} 254;"
        " mknod -m 600 pcmC8D8c c {0} 253; chgrp audio pcmC9D9c; mknod -m 666 /dev/other c 4 64".format(
            kind_of_device()[1]
        ),
    )
    reach = "import socket; socket.create_connection(('127.0.0.1', 8731), 1)"
    system.wait_until(lambda: system.succeeds("python3", "-c", reach))


def kind_of_device():
    """(name, number) of the kernel's sound devices; another kind stands for them where it has no sound."""
    kinds = dict(re.findall(r"^ *(\d+) (alsa|misc)$", Path("/proc/devices").read_text(), re.MULTILINE))
    names = {name: number for number, name in kinds.items()}
    return next((name, names[name]) for name in ("alsa", "misc") if name in names)


@pytest.fixture(scope="module")
def probed(system):
    """What the probe was let do in the unit's sandbox."""
    outside(system)
    unit = (REPOSITORY / "systemd" / UNIT).read_text()
    unit = re.sub("^ExecStart=.*$", "ExecStart=/opt/cry-monitor/bin/python /etc/probe.py", unit, flags=re.MULTILINE)
    unit = re.sub("^(Restart|RestartSec|WatchdogSec|ExecReload)=.*\n", "", unit, flags=re.MULTILINE)
    unit = unit.replace("Type=notify", "Type=oneshot").replace("Directory=cry-monitor", "Directory=probe")
    unit = unit.replace("BindPaths=/run/cry-monitor", "BindPaths=/run/probe")
    unit = unit.replace("char-alsa", "char-" + kind_of_device()[0])
    system.write("/etc/probe.py", PROBE.replace("SOCKETS_OF_OTHERS", repr(SOCKETS_OF_OTHERS)))
    system.write("/etc/systemd/system/probe.service", unit)
    system.run("systemctl", "start", "probe", check=False)
    lines = [text for _, text in system.journal("probe.service")]
    (line,) = [text for text in lines if text.startswith("PROBE")] or [lines]
    return json.loads(line[len("PROBE") :])


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


def test_no_network_is_reachable(probed):
    assert probed["interfaces"] == "lo"
    refused = ("Address family not supported by protocol", "Operation not permitted")
    assert {probed[name] in refused for name in ("inet", "inet6", "packet")} == {True}
    assert (probed["unix"], probed["abstract"]) == ("done", "Connection refused")


def test_no_file_but_its_own_can_be_written(probed):
    assert probed["uid"] != 0
    assert (probed["etc"], probed["opt"]) == 2 * ("Read-only file system",)
    assert probed["home"] == "Permission denied"
    assert probed["tmp"] == "done"  # nothing of others in it
    assert probed["state"] == "done"


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm"])
def test_what_is_written_elsewhere_is_in_memory_and_its_own(probed, place):
    assert probed["file in " + place] == "done"
    assert probed["disk of " + place] == "tmpfs"
    assert probed["others in " + place] == "done"  # nothing of others in it


def test_no_place_of_everybody_s_can_be_written(probed):
    refused = ("Read-only file system", "Permission denied", "No such file or directory")
    for place in ("/run", "/run/lock", "/var/tmp", "/var/log"):
        assert probed["file in " + place] in refused, place


@pytest.mark.parametrize("path", SOCKETS_OF_OTHERS)
def test_no_daemon_of_others_can_be_asked(probed, path):
    assert probed["socket " + path] in ("Permission denied", "No such file or directory", "Connection refused")


def test_systemd_the_journal_and_the_sound_server_can_be_reached(probed):
    for name in ("systemd", "the journal", "sound"):
        assert probed["socket of " + name] == "done", name


def test_it_takes_no_more_than_its_share(probed):
    assert probed["memory.max"] in ("419430400", "No such file or directory")  # without the memory controller
    assert probed["memory.swap.max"] in ("0", "No such file or directory")
    assert probed["pids.max"] in ("64", "No such file or directory")
    assert probed["large file"] == "File too large"


def test_its_memory_is_locked(probed):
    if not may_raise_limits():
        pytest.skip("systemd may not raise the limit of locked memory here (CAP_SYS_RESOURCE)")
    assert (probed["locks"], probed["locked"]) == (True, "")


def test_no_device_but_sound(probed):
    # No driver is behind these nodes: opening one that is allowed gets as far as finding that out.
    assert probed["sound device"] in ("No such device", "No such device or address")
    assert probed["sound device of others"] == "Permission denied"
    assert probed["other device"] == "Operation not permitted"


def test_nothing_more_can_be_had(probed):
    assert probed["write and run memory"] == "Operation not permitted"
    assert probed["become root"] == "Operation not permitted"
    assert probed["new namespace"] != "done" and probed["mount"] != "done"
    assert probed["other processes"] == "done"  # sees none
    assert probed["cpuinfo"] == "done"  # engines read it


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
