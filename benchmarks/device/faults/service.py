"""The service under a real systemd, with the unit that ships: killed, frozen, its pipe or its configuration gone."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.device.faults.monitor import REPOSITORY
from benchmarks.device.faults.nursery import AFTER_S, CRY_S, QUIET_S, Nursery, Row, faint_cry
from tests.edge.virtual_microphone import write_wav

sys.path.insert(0, str(REPOSITORY / "tests" / "systemd"))

from booted_systemd import BootedSystemd, why_it_cannot_boot  # noqa: E402
from monitor_system import PYTHON, SOURCES, make_target, with_monitor  # noqa: E402

KIND = "the service (systemd)"
UNIT = "cry-monitor.service"
CONFIGURATION = "/etc/cry-monitor/cry-monitor.toml"


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each fault in turn; none where no systemd can be booted."""
    missing = why_it_cannot_boot()
    if missing:
        print(f"no systemd can be booted here: {missing}")
        return
    source, installed = nursery.folder / "source", nursery.folder / "installed"
    install(source, installed)
    folder = nursery.folder / "system"
    folder.mkdir()
    with with_monitor(BootedSystemd(folder, installed, source)) as system:
        write_wav(str(source / "cry.wav"), faint_cry(), 16000)
        wait_until_it_hears(system)
        yield signalled(system, "KILL", "killed (SIGKILL)")
        yield signalled(system, "STOP", "frozen (SIGSTOP): the watchdog has it killed after 30 s")
        yield configured(system)
    shutil.rmtree(folder, ignore_errors=True)


def install(source: Path, installed: Path) -> None:
    """Copy what is installed to `source`, and install it from there below `installed`."""
    source.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, source / name)
    status, printed = make_target(source, "install", DESTDIR=installed, PYTHON=PYTHON)
    if status:
        sys.exit(f"it cannot be installed:\n{printed}")


def wait_until_it_hears(system: BootedSystemd) -> None:
    """Wait until the service says so."""

    def hears():
        active = system.property(UNIT, "ActiveState") == "active"
        return active and system.property(UNIT, "StatusText").startswith("healthy")

    system.wait_until(hears)


def again(system: BootedSystemd, done: str, since_s: float, known: int) -> Row:
    """The row of a fault, from the moment since_s; known: how many lines the journal had."""
    wait_until_it_hears(system)
    again_s = time.monotonic() - since_s
    began_s = time.monotonic() + QUIET_S
    known_alerts = alerts(system)
    playing = "PULSE_SERVER=unix:/run/microphone/native paplay /opt/source/cry.wav"
    system.run("systemd-run", "--quiet", "--collect", "sh", "-c", playing)
    system.wait_until(lambda: alerts(system) > known_alerts)
    alert_s = time.monotonic() - began_s
    time.sleep(max(0.0, began_s + CRY_S + AFTER_S + 1.0 - time.monotonic()))  # the next row's monitor hears none of it
    said = [line for line in journal(system)[known:] if line]
    return Row(KIND, done, 1, again_s, alert_s, said[0] if said else "")


def alerts(system: BootedSystemd) -> int:
    """How many alerts are in the journal."""
    return sum(text.startswith("alert") for _, text in system.journal(UNIT))


def journal(system: BootedSystemd) -> list[str]:
    """The lines of the unit, systemd's about it among them."""
    return system.run("journalctl", "--unit=" + UNIT, "--no-pager", "--output=cat").splitlines()


def signalled(system: BootedSystemd, signal: str, done: str) -> Row:
    """A signal that the monitor cannot catch."""
    known, restarts = len(journal(system)), int(system.property(UNIT, "NRestarts"))
    began_s = time.monotonic()
    system.run("kill", "-" + signal, system.property(UNIT, "MainPID"))
    system.wait_until(lambda: int(system.property(UNIT, "NRestarts")) > restarts)
    return again(system, done, began_s, known)


def configured(system: BootedSystemd) -> Row:
    """A start with a configuration that is wrong, which is put right later."""
    right = system.run("cat", CONFIGURATION)
    known = len(journal(system))
    system.write(CONFIGURATION, "[decision]\nmin_evnt_s = 1\n")
    system.succeeds("systemctl", "restart", UNIT)
    system.write(CONFIGURATION, right)
    return again(system, "restarted with a wrong configuration, which is put right", time.monotonic(), known)
