"""`cry-monitor doctor`: what usually goes wrong, and what to do about it."""

import os
import time

from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.commands.lines import print_object
from edge.config import default_settings, load_settings
from edge.doctor import OK, WRONG, Finding
from edge.doctor.machine import clock_finding, database_finding, disk_finding, group_finding, power_finding
from edge.doctor.models import model_findings
from edge.doctor.privacy import UNIT_PROPERTIES, privacy_findings
from edge.doctor.service import (
    CONFIGURATION,
    DATABASE,
    STATE,
    is_active,
    is_installed,
    service_finding,
    unit_properties,
)
from edge.doctor.sound import findings_of_service, sound_findings
from edge.errors import UserError
from edge.store import Store, default_path

DESCRIPTION = """Look at each thing that usually goes wrong, and say what to do: configuration, service, microphone and
level (it listens for two seconds), groups, bundle, engine, speed, disk, clock, power. Nothing is changed. With
--privacy, show what the running monitor has open instead: files, sockets, network, core dumps, swap, sandbox, and
what could not be seen. Exit status 1 when something is wrong. JSON is described in docs/schemas/doctor.schema.json."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("doctor", help="look at what usually goes wrong", description=DESCRIPTION)
    parser.add_argument("--config", metavar="FILE",
                        help="configuration in TOML (default: the service's where there is one, else the defaults)")
    parser.add_argument("--source", metavar="SOURCE", help="as for run (default: the configuration's)")
    parser.add_argument("--bundle", metavar="DIR", help="directory of the models (default: the configuration's)")
    parser.add_argument("--db", metavar="FILE", help="the database (default: the service's where there is one)")
    parser.add_argument("--privacy", action="store_true", help="show what the running monitor has open")
    parser.add_argument("--pid", metavar="N", type=int,
                        help="with --privacy: the monitor's process (default: the service's)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per finding")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print every finding; 1 when something is wrong."""
    if args.pid is not None and not args.privacy:
        raise UserError("--pid {} is for --privacy: give both".format(args.pid))
    wrong = 0
    for finding in _privacy(args) if args.privacy else _findings(args):
        wrong += finding.state == WRONG
        _print(finding, args.json)
    if not args.json:
        print("\n{}".format("{} wrong".format(wrong) if wrong else "nothing is wrong"))
    return 1 if wrong else 0


def _findings(args):
    state = unit_properties(STATE)
    configuration, settings = _configuration(args.config, is_installed(state))
    yield configuration
    database = args.db or settings.store.path or (DATABASE if is_installed(state) else default_path())
    spec = args.source or settings.audio.source
    yield service_finding(state)
    if is_active(state) and args.source is None:
        yield from _heard_by_service(database, state)
    else:
        yield from sound_findings(spec)
    yield group_finding()
    yield from model_findings(args.bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings)
    yield disk_finding(database)
    yield database_finding(database)
    yield clock_finding(time.time())
    yield power_finding()


def _configuration(path, is_service):
    """Its finding, and the settings that the rest is looked at with."""
    if path is None and is_service and os.path.exists(CONFIGURATION):
        path = CONFIGURATION
    try:
        settings = load_settings(path)
    except UserError as error:
        return Finding("configuration", WRONG, str(error), "correct the file; the rest was looked at with the "
                       "defaults"), default_settings()
    return Finding("configuration", OK, path or "the built-in defaults"), settings


def _heard_by_service(database, state):
    """The microphone is the service's, so what it wrote is looked at."""
    try:
        with Store(database, read_only=True) as store:
            minutes = store.minutes(time.time() - 3600)
    except UserError as error:
        return [Finding("microphone", "unknown", "the service has it, and its database cannot be read: {}".format(
            error), "sudo cry-monitor doctor")]
    return findings_of_service(minutes, state["StatusText"])


def _privacy(args):
    properties = unit_properties(("MainPID", "LoadState") + UNIT_PROPERTIES)
    service_pid = int((properties or {}).get("MainPID") or 0)
    pid = args.pid or service_pid
    if not pid:
        raise UserError("no running service to look at: systemctl start cry-monitor, or give the process of a "
                        "`cry-monitor run` with --pid N")
    under_systemd = pid == service_pid
    database = args.db or (DATABASE if under_systemd else default_path())
    try:
        return privacy_findings(pid, database, properties if under_systemd else None)
    except ProcessLookupError:
        raise UserError("there is no process {}: see pgrep -f cry-monitor".format(pid)) from None


def _print(finding, as_json):
    if as_json:
        print_object(finding._asdict())
        return
    print("{:8} {:13} {}".format(finding.state, finding.name, finding.found))
    for line in finding.evidence:
        print("{:23}{}".format("", line))
    if finding.do:
        print("{:22} -> {}".format("", finding.do), flush=True)
