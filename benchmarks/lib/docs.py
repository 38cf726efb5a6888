"""Put the recorded results into the documents, between their marks: no figure there is typed by hand.

    python -m benchmarks.lib.docs

<!-- results: NAME -->    the recorded table benchmarks/results/NAME.md
<!-- headline: NAME -->   one line of it, see headlines.py
<!-- index -->            every result with its page, date, machine and line
each until <!-- end -->.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from benchmarks.lib.headlines import figures, headline
from benchmarks.lib.record import RESULTS

REPOSITORY = Path(__file__).parents[2]
PAGES = REPOSITORY / "docs" / "results"
SECTION = re.compile(r"(<!-- (results|headline|index)(?:: (\w+))? -->\n?).*?(<!-- end -->)", re.DOTALL)


def documents() -> list[Path]:
    """Every document of the repository that people read, README.md first."""
    others = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")]
    return sorted(set(others), key=lambda path: (path.parent != REPOSITORY, path.name != "README.md", path))


def filled(text: str, path: Path) -> str:
    """The text of the document at path with every marked section as the results have it now."""
    return SECTION.sub(lambda mark: mark[1] + content(mark[2], mark[3], path) + mark[4], text)


def content(kind: str, name: str | None, path: Path) -> str:
    """What stands in a section. Raises FileNotFoundError for a result that was never recorded."""
    if kind == "index":
        return index(path)
    return headline(str(name)) if kind == "headline" else (RESULTS / f"{name}.md").read_text()


def index(path: Path) -> str:
    """A table of every result, in the order of the pages."""
    lines = ["| page | result | date | machine |", "|---|---|---|---|"]
    for page in sorted(PAGES.glob("*.md")):
        for _, kind, name, _ in SECTION.findall(page.read_text()):
            if kind == "results":
                found, link = figures(name), os.path.relpath(page, path.parent)
                lines.append(f"| [{page.stem}]({link}) | {headline(name)} | {found['date']} | {found['machine']} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Fill every document."""
    for path in documents():
        text = path.read_text()
        if text != filled(text, path):
            path.write_text(filled(text, path))


if __name__ == "__main__":
    main()
