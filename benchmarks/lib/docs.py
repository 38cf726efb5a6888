"""Put the recorded results into README.md, between their marks: no figure there is typed by hand.

python -m benchmarks.lib.docs
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.lib.record import RESULTS

README = Path(__file__).parents[2] / "README.md"
SECTION = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_results(text: str) -> str:
    """The README's text with every marked section replaced by its result, where one is recorded."""
    return SECTION.sub(lambda m: m[1] + recorded(m[2]) + m[3] if recorded(m[2]) else m[0], text)


def recorded(name: str) -> str:
    """The recorded text of a result, or none."""
    path = RESULTS / f"{name}.md"
    return path.read_text() if path.exists() else ""


if __name__ == "__main__":
    README.write_text(with_results(README.read_text()))
