"""Kind 2: nothing is destroyed, and hearing does not end, on the word of something unchecked."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.device.faults.monitor import REPOSITORY, RunningMonitor
from benchmarks.device.faults.nursery import Nursery, Row, next_frame_s, run
from edge.records import Event
from edge.store import Store
from tests.edge.store.damage import DAMAGE

KIND = "destroyed, or deaf, on the word of something unchecked"
DAY_S = 86400.0
EVENTS = 74
AHEAD_DAYS = 120
# The same monitor, by a clock that is ahead.
AHEAD = f"""
import sys, time
now = time.time
time.time = lambda: now() + {AHEAD_DAYS * DAY_S}
from edge.commands.main import main
sys.exit(main())
"""
CONFIGURATIONS = {
    "nested 3,000 deep": b"a=" + b"[" * 3000,
    "an integer of 400 digits": b"[gate]\nmargin_db = 1" + b"0" * 400,
    "UTF-16": "[gate]\nmargin_db = 3.0\n".encode("utf-16"),
    "not a number": b"[gate]\nmargin_db = nan",
    "another type": b"[store]\npath = 7",
    "bytes that are no text": bytes(range(256)),
}


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each fault in turn."""
    yield clock_ahead(nursery)
    yield damaged(nursery)
    yield configurations(nursery)
    yield two_at_once(nursery)


def night(folder: Path) -> Path:
    """A folder with a database of EVENTS events in it, the newest of yesterday."""
    folder.mkdir()
    with Store(str(folder / "events.db")) as store:
        for number in range(EVENTS):
            store.add_event(Event(0, 5, 0.75), time.time() - DAY_S * (1 + number / 10))
    return folder


def clock_ahead(nursery: Nursery) -> Row:
    """A start with the clock months ahead: every event is older than what is kept."""
    monitor = nursery.monitor(folder=night(nursery.folder / "ahead"), code=AHEAD)
    again_s = next_frame_s(monitor, monitor.began_s)
    alert_s = nursery.cry(monitor)
    said = monitor.said(0.0)
    assert monitor.end() == 0
    with Store(str(monitor.database), read_only=True) as store:
        kept = sum(event.start_utc < time.time() for event in store.events())
    what = f"started with the clock {AHEAD_DAYS} days ahead: {kept} of {EVENTS} events kept"
    return Row(KIND, what, 1, again_s, alert_s, said)


def damaged(nursery: Nursery) -> Row:
    """Every kind of damage to the database at the start."""
    whole = night(nursery.folder / "whole")
    times_s, said, alert_s = [], "", None
    for number, kind in enumerate(sorted(DAMAGE)):
        folder = Path(shutil.copytree(whole, nursery.folder / f"damaged{number}"))
        DAMAGE[kind](str(folder / "events.db"))
        monitor = nursery.monitor(folder=folder)
        times_s.append(next_frame_s(monitor, monitor.began_s))
        said = said or monitor.said(0.0)
        if number == len(DAMAGE) - 1:
            alert_s = nursery.cry(monitor)
        assert monitor.end() == 0
    what = f"started over a database that is damaged in one of {len(DAMAGE)} ways"
    return Row(KIND, what, len(times_s), max(times_s), alert_s, said)


def configurations(nursery: Nursery) -> Row:
    """SIGHUP with what is no configuration."""
    monitor = nursery.monitor()
    monitor.wait_for_line("healthy: hearing")
    times_s, said = [], ""
    for content in CONFIGURATIONS.values():
        monitor.configuration.write_bytes(content)
        began_s = time.monotonic()
        monitor.process.send_signal(signal.SIGHUP)
        monitor.wait_for_line("configuration refused", began_s)
        times_s.append(next_frame_s(monitor, began_s))
        said = said or monitor.said(began_s)
    alert_s = nursery.cry(monitor)
    assert monitor.end() == 0
    what = f"told to read a configuration that is none ({', '.join(CONFIGURATIONS)})"
    return Row(KIND, what, len(times_s), max(times_s), alert_s, said)


def two_at_once(nursery: Nursery) -> Row:
    """A second monitor on the same database."""
    monitor = nursery.monitor()
    monitor.wait_for_line("healthy: hearing")
    began_s = time.monotonic()
    said = second(monitor)
    again_s = next_frame_s(monitor, began_s)
    alert_s = nursery.cry(monitor)
    assert monitor.end() == 0
    return Row(KIND, "a second monitor is started on its database", 1, again_s, alert_s, said)


def second(monitor: RunningMonitor) -> str:
    """What a second monitor on the same database says before it ends."""
    command = [sys.executable, "-m", "edge.commands.main", "run", "--source", "-", "--db", str(monitor.database)]
    done = run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL)
    assert done.returncode == 1, done.stdout
    return done.stdout.strip().splitlines()[-1]
