"""Run as root before the camera's service: `python -m edge.camera.allow CONFIGURATION UNIT`.

It has systemd let that unit reach the camera alone, in place of the whole house; where that cannot be done, it says so.
"""

import ipaddress
import re
import socket
import subprocess
import sys
from contextlib import suppress
from typing import List
from urllib.parse import urlsplit

from edge.camera.address import is_address
from edge.config import load_settings
from edge.errors import UserError, print_error

PATIENCE_S = 10.0
NAMES_ARE_ASKED = "/etc/resolv.conf"


def allowed(source: str, resolver: str = NAMES_ARE_ASKED) -> List[str]:
    """The addresses that the camera's service needs; empty for a sender that nobody can know before it sends.

    Of a camera with a name: what the name means now, and whoever is asked for names. Raises OSError, ValueError.
    """
    host = urlsplit(source).hostname if is_address(source) else None
    if not host:
        return []
    with suppress(ValueError):
        number = ipaddress.ip_address(host)
        return [] if number.is_unspecified else [host]
    found = {str(answer[4][0]) for answer in socket.getaddrinfo(host, None, 0, socket.SOCK_STREAM)}
    with open(resolver, encoding="utf-8", errors="replace") as file:
        return sorted(found) + re.findall(r"^nameserver\s+([0-9a-fA-F.:]+)", file.read(), re.MULTILINE)


def main(configuration: str, unit: str) -> int:
    """Tell systemd; 1 when it cannot be told, which is no reason not to hear."""
    try:
        addresses = allowed(load_settings(configuration).audio.source)
    except (UserError, OSError, ValueError) as error:
        print_error("every address of the house stays allowed ({})".format(error))
        return 1
    if not addresses:
        return 0
    told = ["IPAddressAllow="] + ["IPAddressAllow=" + address for address in addresses]
    return subprocess.call(["systemctl", "set-property", "--runtime", unit] + told, timeout=PATIENCE_S)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
