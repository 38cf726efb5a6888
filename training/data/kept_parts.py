"""Work on many clips that is kept part by part, so that an interrupted preparation goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from tqdm import tqdm

Item = TypeVar("Item")
Arrays = tuple[np.ndarray, ...]
PART = 64  # items


def in_parts(items: Sequence[Item], compute: Callable[[Item], Arrays], stem: Path, name: str) -> Iterator[Arrays]:
    """compute(item) of every item in their order; what was computed before is read from STEM-N.part.npz.

    stem: unique to the items and to how they are computed. name: for the progress.
    """
    with tqdm(total=len(items), desc=name, mininterval=5) as progress:
        for first in range(0, len(items), PART):
            part = items[first : first + PART]
            file = stem.with_name(f"{stem.name}-{first // PART}.part.npz")
            found = [compute(item) for item in part] if not file.is_file() else read(file, len(part))
            if not file.is_file():
                write(file, found)
            progress.update(len(part))
            yield from found


def write(file: Path, found: Sequence[Arrays]) -> None:
    """Write the arrays of some items, at once."""
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial.npz")  # two experiments may make the same at once
    arrays = {f"{item}:{place}": array for item, own in enumerate(found) for place, array in enumerate(own)}
    np.savez(partial, **arrays)  # type: ignore[arg-type]
    partial.replace(file)


def read(file: Path, n: int) -> list[Arrays]:
    """What write() wrote of n items."""
    with np.load(file) as stored:
        width = len(stored.files) // n
        return [tuple(stored[f"{item}:{place}"] for place in range(width)) for item in range(n)]


def forget_parts(stem: Path) -> None:
    """Delete the parts, once the whole is kept."""
    for file in stem.parent.glob(f"{stem.name}-*.part.npz"):
        file.unlink(missing_ok=True)
