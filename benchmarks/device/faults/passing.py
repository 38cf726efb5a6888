"""Kind 4: time that was not heard is counted. Kind 6: an alert always leaves a row."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator

from benchmarks.device.faults.monitor import RunningMonitor
from benchmarks.device.faults.nursery import Feed, Nursery, Row, next_frame_s
from edge.store import Store

KIND = "time that was not heard"
ALERTED = "an alert always leaves a row"
STOPPED_S = 30.0
SILENT_S = 10.0
HEARD_S = 5.0  # before the end
WHOLE_S = 1.0  # heard and skipped are what passed, to so much
SUMMARY = re.compile(r"stopped: heard ([\d.]+) s, .* passed ([\d.]+) s, skipped ([\d.]+) s")


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each fault in turn."""
    yield stopped(nursery)
    yield silent_pipe(nursery)
    yield ended_pipe(nursery)
    yield short_cry(nursery)


def counted(monitor: RunningMonitor) -> str:
    """What the last line of a monitor that has ended counts: it must be whole."""
    found = next(match for match in (SUMMARY.search(line) for _, line in reversed(monitor.lines)) if match)
    heard_s, passed_s, skipped_s = map(float, found.groups())
    assert abs(passed_s - heard_s - skipped_s) <= WHOLE_S, found.group()
    return f"heard {heard_s:.1f} + skipped {skipped_s:.1f} s = passed {passed_s:.1f} s"


def stopped(nursery: Nursery) -> Row:
    """The monitor is stopped as a debugger, or a machine that sleeps, stops it."""
    monitor = nursery.monitor()
    monitor.wait_for_line("healthy: hearing")
    monitor.process.send_signal(signal.SIGSTOP)
    time.sleep(STOPPED_S)
    monitor.process.send_signal(signal.SIGCONT)
    began_s = time.monotonic()
    again_s = next_frame_s(monitor, began_s)
    alert_s = nursery.cry(monitor)
    said = monitor.said(began_s)
    assert monitor.end() == 0
    return Row(KIND, f"stopped for {STOPPED_S:.0f} s: {counted(monitor)}", 1, again_s, alert_s, said)


def silent_pipe(nursery: Nursery) -> Row:
    """The program that sends to standard input sends nothing, and then does again."""
    monitor = nursery.monitor("--source", "-")
    feed = Feed(monitor)
    monitor.wait_for_line("healthy: hearing")
    feed.stop()
    began_s = time.monotonic()
    monitor.wait_for_line("stalled", began_s)
    said = monitor.said(began_s)
    time.sleep(SILENT_S)
    began_s = time.monotonic()
    feed = Feed(monitor)
    again_s = next_frame_s(monitor, began_s)
    alert_s = feed.cry()
    feed.stop()
    assert monitor.end() == 0
    return Row(
        KIND, f"standard input sends nothing for {SILENT_S:.0f} s: {counted(monitor)}", 1, again_s, alert_s, said
    )


def ended_pipe(nursery: Nursery) -> Row:
    """The program that sends to standard input ends."""
    monitor = nursery.monitor("--source", "-")
    monitor.wait_for_line("READY")
    feed = Feed(monitor)
    monitor.wait_for_line("healthy: hearing")
    time.sleep(HEARD_S)
    feed.stop()
    began_s = time.monotonic()
    monitor.process.stdin.close()
    status = monitor.close()
    assert status == 1, status
    what = f"standard input ends: the monitor ends with status {status}, to be started again; {counted(monitor)}"
    return Row(KIND, what, 1, None, None, monitor.said(began_s))


def short_cry(nursery: Nursery) -> Row:
    """A cry that raises an alert, and is shorter than what is kept as an event."""
    monitor = nursery.monitor("--source", "-", configuration="[decision]\nmin_event_s = 30.0\n")
    feed = Feed(monitor)
    monitor.wait_for_line("healthy: hearing")
    began_s = time.monotonic()
    alert_s = feed.cry()
    monitor.wait_for_line("alert", began_s)
    feed.stop()
    assert monitor.end() == 0
    with Store(str(monitor.database), read_only=True) as store:
        states = [event.state for event in store.events()]
    what = f"a cry that is alerted and ends before min_event_s: rows {', '.join(states) or 'none'}"
    return Row(ALERTED, what, 1, 0.0, alert_s, "")
