"""Telling systemd what the daemon does (sd_notify(3)), without a library."""

import os
import socket

from edge.log import log

PATIENCE_S = 1.0  # a full socket blocks its writers, and hearing must not wait for whoever should read it


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
