"""Put the recorded results into README.md, between their marks: no figure there is typed by hand.

    python -m benchmarks.readme
"""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.record import RESULTS

README = Path(__file__).parent.parent / "README.md"
SECTION = re.compile(r"(<!-- results: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def with_results(text: str) -> str:
    """The README's text with every marked section replaced by its recorded result."""
    return SECTION.sub(lambda m: m[1] + (RESULTS / f"{m[2]}.md").read_text() + m[3], text)


if __name__ == "__main__":
    README.write_text(with_results(README.read_text()))
