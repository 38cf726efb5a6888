"""The units under systemd: cry-monitor, or cry-monitor@NAME where there are several monitors."""

import os
import re
import shutil
import subprocess
from typing import Dict, List, NamedTuple, Optional

from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding

CONFIGURATIONS = "/etc/cry-monitor"  # of every service: NAME.toml
FIRST = "cry-monitor"  # the NAME of the one that is no instance
PATIENCE_S = 10.0

STATE = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText", "MainPID")


class Service(NamedTuple):
    """One of the services that hear."""

    unit: str
    configuration: str
    database: str

    @property
    def log(self) -> str:
        """How its log is read."""
        return "journalctl -u {} -n 50".format(self.unit)


def service_of(configuration: Optional[str] = None) -> Service:
    """The service that reads this file; None, or a file that is no service's, is the first."""
    folder, file = os.path.split(os.path.abspath(configuration or ""))
    name = file[: -len(".toml")] if folder == CONFIGURATIONS and file.endswith(".toml") else FIRST
    unit, state = (FIRST, FIRST) if name == FIRST else (FIRST + "@" + name, FIRST + "-" + name)
    return Service(unit, "{}/{}.toml".format(CONFIGURATIONS, name), "/var/lib/{}/events.db".format(state))


def other_services() -> List[Service]:
    """The instances that systemd has loaded."""
    said = _systemctl("list-units", "--all", "--plain", "--no-legend", FIRST + "@*.service") or ""
    names = re.findall(r"^\W*{}@(\S+)\.service".format(FIRST), said, re.MULTILINE)
    return [service_of("{}/{}.toml".format(CONFIGURATIONS, name)) for name in names]


def unit_properties(service: Service, names) -> Optional[Dict[str, str]]:
    """Properties of the unit as `systemctl show` names them; None where no systemd runs."""
    shown = _systemctl("show", service.unit + ".service", "--property=" + ",".join(names))
    return None if shown is None else dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def _systemctl(*arguments):
    """What it prints; None where no systemd runs."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    try:
        printed = subprocess.check_output((systemctl,) + arguments, stderr=subprocess.DEVNULL, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return printed.decode("utf-8", "replace")


def service_finding(service: Service, state) -> Finding:
    """How the service fares. state: unit_properties(service, STATE)."""
    if state is None:
        return Finding("service", UNKNOWN, "no systemd runs here: nothing starts or restarts the monitor")
    if state.get("LoadState") != "loaded":
        return Finding("service", WARNING, "not installed: it listens only while somebody runs it", "sudo make install")
    restarts = state.get("NRestarts", "0") or "0"  # systemd 235 and newer
    text = "{}{} ({}), {} restarts; {}".format(
        "" if service.unit == FIRST else service.unit + ": ",
        state["ActiveState"],
        state["SubState"],
        restarts,
        state["StatusText"] or "no status",
    )
    if not is_active(state):
        why = "{}, result {}, exit status {}".format(text, state["Result"], state["ExecMainStatus"])
        return Finding("service", WRONG, why, "see {}; start it: systemctl start {}".format(service.log, service.unit))
    if restarts != "0":
        return Finding("service", WARNING, text, "see why it was restarted: " + service.log)
    return Finding("service", OK, text)


def is_installed(state) -> bool:
    """Whether there is such a unit. state: unit_properties(STATE)."""
    return state is not None and state.get("LoadState") == "loaded"


def is_active(state) -> bool:
    """Whether it runs now. state: unit_properties(STATE)."""
    return is_installed(state) and state["ActiveState"] in ("active", "reloading")
