"""Which things are looked at, in which order, and with whose settings: the service's where there is one."""

import os
import time
from typing import Iterator, List, Optional

from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.config import default_settings, load_settings
from edge.doctor.beside import beside_findings
from edge.doctor.destinations import destination_findings
from edge.doctor.finding import OK, UNKNOWN, WRONG, Finding
from edge.doctor.infant import infant_finding
from edge.doctor.learning import learning_findings
from edge.doctor.machine import (
    clock_finding,
    database_finding,
    disk_finding,
    group_finding,
    power_finding,
    why_hidden,
)
from edge.doctor.models import model_findings
from edge.doctor.privacy import UNIT_PROPERTIES, privacy_findings
from edge.doctor.service import (
    STATE,
    is_active,
    is_installed,
    other_services,
    service_finding,
    service_of,
    unit_properties,
)
from edge.doctor.sound import findings_of_service, sound_findings
from edge.errors import UserError
from edge.store import Store, default_path


def findings(
    config: Optional[str], source: Optional[str], bundle: Optional[str], database: Optional[str]
) -> Iterator[Finding]:
    """Each thing that usually goes wrong, one after the other; None stands for what a person would mean."""
    service = service_of(config)
    state = unit_properties(service, STATE)
    configuration, settings = _configuration(config, service, is_installed(state))
    yield configuration
    database = database or settings.store.path or (service.database if is_installed(state) else default_path())
    yield service_finding(service, state)
    if config is None:
        yield from (service_finding(other, unit_properties(other, STATE)) for other in other_services())
        yield from beside_findings(service.database)
    if is_active(state) and source is None:
        yield from _heard_by_service(database, state)
    else:
        yield from sound_findings(settings.audio._replace(source=source or settings.audio.source))
    yield group_finding()
    yield from model_findings(bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings, database)
    yield disk_finding(database)
    yield database_finding(database)
    yield clock_finding(time.time())
    yield power_finding()


def evidence(pid: Optional[int], database: Optional[str], config: Optional[str] = None) -> List[Finding]:
    """What the running monitor has open, and whom the bridge tells; pid None is the service's.

    Raises UserError when there is none.
    """
    service = service_of(config)
    properties = unit_properties(service, ("MainPID", "LoadState") + UNIT_PROPERTIES)
    service_pid = int((properties or {}).get("MainPID") or 0)
    pid = pid or service_pid
    if not pid:
        raise UserError(
            "no running service to look at: systemctl start {}, or give the process of a "
            "`cry-monitor run` with --pid N".format(service.unit)
        )
    under_systemd = pid == service_pid
    given = database
    database = database or (service.database if under_systemd else default_path())
    try:
        found = privacy_findings(pid, database, properties if under_systemd else None)
    except ProcessLookupError:
        raise UserError("there is no process {}: see pgrep -f cry-monitor".format(pid)) from None
    settings = _configuration(config, service, under_systemd)[1]
    database = given or settings.store.path or database
    kept = [infant_finding(settings.infant.enabled, database)] + learning_findings(settings, database)
    return found + kept + destination_findings(settings)


def _configuration(path, service, is_service):
    """Its finding, and the settings that the rest is looked at with."""
    if path is None and is_service and os.path.exists(service.configuration):
        path = service.configuration
    try:
        settings = load_settings(path)
    except UserError as error:
        return Finding(
            "configuration", WRONG, str(error), "correct the file; the rest was looked at with the defaults"
        ), default_settings()
    beside = "{}.password".format((path or "")[: -len(".toml")])  # which the service has as a credential
    if path == service.configuration and not settings.audio.password_file and os.path.exists(beside):
        settings = settings._replace(audio=settings.audio._replace(password_file=beside))
    return Finding("configuration", OK, path or "the built-in defaults"), settings


def _heard_by_service(database, state):
    """The microphone is the service's, so what it wrote is looked at."""
    hidden = why_hidden(database)
    try:
        if hidden:
            raise UserError(hidden)
        with Store(database, read_only=True) as store:
            minutes = store.minutes(time.time() - 3600)
    except UserError as error:
        said = "the service says: {}; what it wrote cannot be read: {}".format(state["StatusText"], error)
        return [Finding("microphone", UNKNOWN, said, "sudo cry-monitor doctor")]
    return findings_of_service(minutes, state["StatusText"])
