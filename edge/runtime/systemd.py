"""Telling systemd what the daemon does (sd_notify(3)), without a library."""

import os
import socket
import time

from edge.log import log
from edge.sinks import Sink

PATIENCE_S = 1.0  # a full socket blocks its writers, and hearing must not wait for whoever should read it
FEEDS = 4  # times the watchdog is fed while systemd waits for once


def notify(text: str) -> None:
    """Tell systemd when it asked to be told; says nothing otherwise."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(PATIENCE_S)
        try:
            systemd.connect(address)
            systemd.sendall(text.encode("utf-8", "replace"))
        except OSError as error:
            log.warning("systemd could not be told (%s)", error)


def extend_start_timeout(seconds: float) -> None:
    """Ask for this much longer, from now, before systemd gives the start up (systemd 236 and newer)."""
    notify("EXTEND_TIMEOUT_USEC={:d}".format(int(1e6 * seconds)))


class SystemdSink(Sink):
    """systemd's status line: what `systemctl status` shows of the monitor."""

    name = "systemd"

    def __init__(self):
        self._last = ""

    def status(self, snapshot):
        if snapshot["line"] != self._last:
            self._last = snapshot["line"]
            notify("STATUS=" + self._last)


class Watchdog:
    """systemd's watchdog, when the service has one: it restarts us when nothing advances for WatchdogSec."""

    def __init__(self):
        for_us = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._interval_s = 1e-6 * float(os.environ.get("WATCHDOG_USEC", 0) if for_us else 0) / FEEDS
        self._fed_s = None

    def advanced(self) -> None:
        """Work was done: a frame was processed, an attempt to hear again ended. Never called by a timer."""
        now_s = time.monotonic()
        if self._interval_s and (self._fed_s is None or now_s - self._fed_s >= self._interval_s):
            self._fed_s = now_s
            notify("WATCHDOG=1")
