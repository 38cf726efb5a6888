"""What a look at one thing gives."""

from typing import NamedTuple, Tuple

OK = "ok"
WARNING = "warning"  # works, and will not always
WRONG = "wrong"
UNKNOWN = "unknown"  # could not be seen, `found` says why


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: str  # OK, WARNING, WRONG or UNKNOWN
    found: str  # one line for a person
    do: str = ""  # what to do about it; empty when there is nothing to do
    evidence: Tuple[str, ...] = ()  # lines as the system gave them
