"""Who may ask the page: the name it is asked by, the password, and where a write comes from."""

import base64
import binascii
import hmac
import time
from typing import Dict, Optional, Set
from urllib.parse import urlsplit

FAILURES_ALLOWED = 10  # of one address; then it waits
FORGIVEN_AFTER_S = 60.0
MOST_ADDRESSES = 1000
LONGEST_HEADER = 1024
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class Access(object):
    """The rules. names: by which the page may be asked for, besides loopback's; password: None for none."""

    def __init__(self, names: Set[str], password: Optional[str], clock=time.monotonic):
        self._names = {name.lower() for name in names} | set(LOOPBACK_NAMES)
        self._password = password
        self._clock = clock
        self._failures: Dict[str, list] = {}  # [how many, when the latest]

    def is_our_name(self, host: Optional[str]) -> bool:
        """Whether a Host header names this page: any other may be a page of elsewhere whose name was turned to us."""
        return host is not None and len(host) <= LONGEST_HEADER and without_port(host) in self._names

    def is_our_origin(self, origin: Optional[str], host: str) -> bool:
        """Whether a write comes from our own page, or from no page at all."""
        return origin is None or (len(origin) <= LONGEST_HEADER and urlsplit(origin).netloc.lower() == host.lower())

    def must_wait(self, address: str) -> bool:
        """Whether an address has tried too many passwords of late."""
        failed = self._failures.get(address)
        if failed and self._clock() - failed[1] > FORGIVEN_AFTER_S:
            del self._failures[address]
            return False
        return bool(failed) and failed[0] >= FAILURES_ALLOWED

    def is_allowed(self, authorization: Optional[str], address: str) -> bool:
        """Whether an Authorization header (Basic with any name, or Bearer) holds the password."""
        if self._password is None:
            return True
        given = password_of(authorization)
        if given is not None and hmac.compare_digest(given.encode("utf-8"), self._password.encode("utf-8")):
            self._failures.pop(address, None)
            return True
        if given is not None:
            if len(self._failures) >= MOST_ADDRESSES:
                self._failures.clear()
            failed = self._failures.setdefault(address, [0, 0.0])
            failed[0] += 1
            failed[1] = self._clock()
        return False


def without_port(host: str) -> str:
    """localhost of localhost:8080, [::1] of [::1]:8080."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def password_of(authorization: Optional[str]) -> Optional[str]:
    """The password in a header; None without one."""
    kind, _, rest = (authorization or "")[:LONGEST_HEADER].partition(" ")
    if kind.lower() == "bearer":
        return rest.strip()
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip().encode("ascii"), validate=True).decode("utf-8").partition(":")[2]
    except (ValueError, binascii.Error, UnicodeError):
        return None
