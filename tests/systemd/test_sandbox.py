"""The unit under a real systemd: what runs in its sandbox reaches no network and nothing of others."""

import json
import re

import pytest
from sandbox_probe import PROBE, REPOSITORY, SOCKETS_OF_OTHERS, UNIT, kind_of_device, may_raise_limits, outside


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
