"""docs/references.md promises: every file it names is there, and papers are cited by title, never by a private name."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRIVATE_NAMES = re.compile("source" + r" [abc]\b|methods" + r" [0-9]|methods" + r"\.md", re.IGNORECASE)
PAPERS = ("2603.02245", "2506.13970", "2512.13880")


def test_every_file_that_implements_an_equation_is_there():
    text = (ROOT / "docs" / "references.md").read_text()
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).is_file()] == []
    assert [paper for paper in PAPERS if paper not in text] == []


def test_no_file_names_a_paper_by_a_private_name():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout: no list of the files that belong to it")
    found = []
    for name in listed.stdout.splitlines():
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue  # a model, a table of tensors
        found += [f"{name}: {match.group()}" for match in PRIVATE_NAMES.finditer(text)]
    assert found == []
