"""Mutants, and which of them were killed before: kept in a folder, and true as long as their file is the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the n-th place of a Cosmic Ray operator."""

    room: str
    file: str
    line: int
    operator: str
    occurrence: int


class Killed:
    """What was killed before, in a folder."""

    def __init__(self, folder: Path, repository: Path):
        self.file, self._repository = folder / "killed.json", repository
        self.seconds: dict[str, float] = json.loads(self.file.read_text()) if self.file.is_file() else {}

    def get(self, mutant: Mutant) -> float | None:
        """How long it took, None for one that was not killed."""
        return self.seconds.get(self.key(mutant))

    def keep(self, mutant: Mutant, seconds: float) -> None:
        """Write it down."""
        self.seconds[self.key(mutant)] = round(seconds, 1)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.file.with_suffix(".partial")
        partial.write_text(json.dumps(self.seconds, indent=1) + "\n")
        partial.replace(self.file)

    def key(self, mutant: Mutant) -> str:
        """Another one when anything of its file is another."""
        text = f"{mutant.file} {mutant.operator} {mutant.occurrence}\n" + (self._repository / mutant.file).read_text()
        return hashlib.sha256(text.encode()).hexdigest()
