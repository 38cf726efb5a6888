"""The services that stand beside the one that hears: the bridge and the page, off until they are wanted."""

import os
import stat
from typing import Iterator

from edge.doctor.finding import OK, WARNING, WRONG, Finding
from edge.doctor.service import STATE, Service, is_active, is_installed, unit_properties

BESIDE = (("bridge", "cry-monitor-bridge", "nobody else is told"), ("page", "cry-monitor-serve", "there is no page"))
PAGE = "page"
ENABLED = ("enabled", "enabled-runtime")


def beside_findings(database: str) -> Iterator[Finding]:
    """How each of them fares; nothing where it is not installed. database: the service's."""
    for name, unit, off in BESIDE:
        service = Service(unit, "", "")
        state = unit_properties(service, STATE + ("UnitFileState",))
        if is_installed(state):
            yield beside_finding(name, service, off, state, database)


def beside_finding(name: str, service: Service, off: str, state, database: str) -> Finding:
    """How one of them fares. off: what that means; state: its properties, UnitFileState among them."""
    is_enabled = state.get("UnitFileState") in ENABLED
    turn_on = "sudo systemctl enable --now " + service.unit
    if not is_active(state) and not is_enabled:
        return Finding(name, OK, "off: {}; {}".format(off, turn_on))
    text = "{} ({}), {} restarts".format(state["ActiveState"], state["SubState"], state.get("NRestarts") or "0")
    if not is_active(state):
        return Finding(name, WRONG, "{}, result {}".format(text, state["Result"]), "its log says why: " + service.log)
    if not is_enabled:
        return Finding(name, WARNING, text + "; not after the next start of the machine", turn_on)
    if name == PAGE and not may_be_read_by_group(database):
        do = "sudo systemctl restart cry-monitor"
        return Finding(name, WARNING, text + "; the database is not opened to it yet", do)
    return Finding(name, OK, text)


def may_be_read_by_group(database: str) -> bool:
    """Whether the page's group may read there; yes where that cannot be seen."""
    try:
        return bool(os.stat(os.path.dirname(database)).st_mode & stat.S_IRGRP)
    except OSError:
        return True
