"""Who is compared with whom: two periods of each infant, all with all, or a list of pairs as CryCeleb gives it.

CryCeleb2023 (Ubenwa): 786 newborns, cries at birth (B) and at discharge (D); the score of a pair is the cosine between
the embeddings of all segments of one infant and period; the list of pairs holds baby_id_B, baby_id_D and perhaps label.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import UserError
from edge.untrusted import read_csv
from training.data.corpora import Clip
from training.data.splits import shortened

BIRTH, DISCHARGE = "B", "D"
PAIR_COLUMNS = ("baby_id_B", "baby_id_D")


@dataclass(frozen=True)
class Infant:
    """An infant's clips of two periods, by number."""

    name: str
    enrolled: list[int]
    tested: list[int]


def infants_of(clips: Sequence[Clip], leave_out_single: bool) -> list[Infant]:
    """Every infant (group) with clips in two periods.

    Periods are the folders B and D where clips lie in such, else the earlier and the later half by name. Raises
    UserError for an infant that has no two periods, unless such are left out.
    """
    own: dict[str, list[int]] = defaultdict(list)
    for number in sorted(range(len(clips)), key=lambda i: clips[i].path.name):
        own[clips[number].group_id].append(number)
    found = {name: Infant(name, *two_periods(clips, numbers)) for name, numbers in sorted(own.items())}
    single = [name for name, infant in found.items() if not infant.enrolled or not infant.tested]
    if single and not leave_out_single:
        raise UserError(
            f"{len(single)} infants have one clip, or one period only, as {shortened(single)}: record more, or leave "
            f"such out with --leave-out-single"
        )
    kept = [infant for name, infant in found.items() if name not in single]
    if len(kept) < 2:
        raise UserError(f"{len(kept)} infants have clips of two periods, at least 2 are needed")
    return kept


def two_periods(clips: Sequence[Clip], numbers: list[int]) -> tuple[list[int], list[int]]:
    """The clips of the first and of the second period."""
    folders = [clips[number].path.parent.name.upper() for number in numbers]
    if set(folders) <= {BIRTH, DISCHARGE}:
        born = [number for number, folder in zip(numbers, folders, strict=True) if folder == BIRTH]
        return born, [number for number in numbers if number not in born]
    half = (len(numbers) + 1) // 2
    return numbers[:half], numbers[half:]


@dataclass(frozen=True)
class Pairs:
    """A list of pairs: names as the corpus has them; label: 1 for the same infant, None where it is not told."""

    birth: list[str]
    discharge: list[str]
    label: np.ndarray | None


def read_pairs(path: Path) -> Pairs:
    """CryCeleb's list of pairs. Raises UserError."""
    rows = read_csv(path, PAIR_COLUMNS, advice="name a list of pairs such as CryCeleb's dev_pairs.csv")
    if not rows:
        raise UserError(f"{path} lists no pairs")
    labels = [row.get("label") or "" for row in rows]
    wrong = [value for value in labels if value not in ("", "0", "1")]
    if wrong:
        raise UserError(f"{path}: label is {wrong[0]!r}, it must be 0 or 1")
    told = None if "" in labels else np.array([int(value) for value in labels])
    birth, discharge = ([row[column] for row in rows] for column in PAIR_COLUMNS)
    return Pairs(birth, discharge, told)
