"""The unit under systemd."""

import shutil
import subprocess
from typing import Dict, Optional

from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding

UNIT = "cry-monitor.service"
CONFIGURATION = "/etc/cry-monitor/cry-monitor.toml"
DATABASE = "/var/lib/cry-monitor/events.db"
PATIENCE_S = 10.0

STATE = ("LoadState", "ActiveState", "SubState", "Result", "ExecMainStatus", "NRestarts", "StatusText", "MainPID")
LOG = "journalctl -u cry-monitor -n 50"


def unit_properties(names) -> Optional[Dict[str, str]]:
    """Properties of the unit as `systemctl show` names them; None where no systemd runs."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    command = [systemctl, "show", UNIT, "--property=" + ",".join(names)]
    try:
        shown = subprocess.check_output(command, stderr=subprocess.DEVNULL, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return None
    lines = shown.decode("utf-8", "replace").splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def service_finding(state) -> Finding:
    """How the service fares. state: unit_properties(STATE)."""
    if state is None:
        return Finding("service", UNKNOWN, "no systemd runs here: nothing starts or restarts the monitor")
    if state.get("LoadState") != "loaded":
        return Finding("service", WARNING, "not installed: it listens only while somebody runs it", "sudo make install")
    restarts = state.get("NRestarts", "0") or "0"  # systemd 235 and newer
    text = "{} ({}), {} restarts; {}".format(
        state["ActiveState"], state["SubState"], restarts, state["StatusText"] or "no status"
    )
    if not is_active(state):
        why = "{}, result {}, exit status {}".format(text, state["Result"], state["ExecMainStatus"])
        return Finding("service", WRONG, why, "see {}; start it: systemctl start cry-monitor".format(LOG))
    if restarts != "0":
        return Finding("service", WARNING, text, "see why it was restarted: " + LOG)
    return Finding("service", OK, text)


def is_installed(state) -> bool:
    """Whether there is such a unit. state: unit_properties(STATE)."""
    return state is not None and state.get("LoadState") == "loaded"


def is_active(state) -> bool:
    """Whether it runs now. state: unit_properties(STATE)."""
    return is_installed(state) and state["ActiveState"] in ("active", "reloading")
