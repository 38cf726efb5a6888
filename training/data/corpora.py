"""The recordings: one metadata.csv, read into clips, and the splits that never divide a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.synthesis import alarm, babble, door, fan, infant_babble, infant_cry, infant_laughter, lullaby, song
from edge.text import shown
from edge.untrusted import read_csv

CRY, NONCRY, UNVERIFIED = "cry", "noncry", "unverified"
SHIPPABLE = ("open", "open_nc")  # licence classes whose recordings may train what ships

COLUMNS = ("path", "set", "label", "detector_label", "group_id", "eval_fold", "licence", "licence_class")
FOLDS = (1, 2, 3, 4)  # of eval_fold, each held out in turn
NO_FOLD = 0  # never evaluated

SLOW = ("physionet2016",)  # corpora recorded at 2 kHz
SYNTHETIC = "synthetic"
SYNTHETIC_S = 6.0
SYNTHETIC_CLIPS = {
    CRY: 150,
    "babble": 120,
    "lullaby": 60,
    "door": 60,
    "alarm": 80,
    "fan": 20,
    "infant_laughter": 120,
    "infant_babble": 120,
    "song": 120,
}
HOUSEHOLD = {
    "babble": babble,
    "lullaby": lullaby,
    "door": door,
    "alarm": alarm,
    "fan": fan,
    "infant_laughter": infant_laughter,
    "infant_babble": infant_babble,
    "song": song,
}


@dataclass(frozen=True)
class Clip:
    """One recording and what is known of it."""

    path: Path
    corpus: str  # donateacry, esc50, ...
    label: str  # the corpus's own label
    detector_label: str  # cry, noncry or unverified
    group_id: str  # app instance, Freesound source, speaker: what no split may divide
    eval_fold: int  # 1..4
    licence: str
    licence_class: str  # open or open_nc
    platform: str = ""  # what recorded it, where known: android, ios

    @property
    def clip_id(self) -> str:
        """Corpus and file name: unique, and free of any machine's path."""
        return f"{self.corpus}/{self.path.stem}"


def read_corpora(data_dir: Path) -> list[Clip]:
    """Every clip of data_dir/metadata.csv.

    Raises UserError when the table or a column is missing.
    """
    table = data_dir / "metadata.csv"
    if not table.is_file():
        raise UserError(f"no recordings: {table} does not exist; name the folder that holds metadata.csv with --data")
    rows = read_csv(table, COLUMNS, advice="compare it with the data folder's README")
    return [_clip(row, data_dir, f"{table} row {number}") for number, row in enumerate(rows, start=1)]


def _clip(row: dict[str, str], data_dir: Path, where: str) -> Clip:
    """One row as a Clip. Raises UserError, beginning with `where`."""
    known = [str(fold) for fold in (NO_FOLD, *FOLDS)]
    if row["eval_fold"] not in known:
        raise UserError(f"{where}: eval_fold is {shown(row['eval_fold'])}, one of {', '.join(known)} is needed")
    for column in COLUMNS:
        if not row[column]:
            raise UserError(f"{where}: {column} is empty")
    return Clip(
        path=data_dir / row["path"],
        corpus=row["set"],
        label=row["label"],
        detector_label=row["detector_label"],
        group_id=row["group_id"],
        eval_fold=int(row["eval_fold"]),
        licence=row["licence"],
        licence_class=row["licence_class"],
        platform=row.get("platform") or "",
    )


def synthetic_clips() -> list[Clip]:
    """Made-up cries and household sounds for training: full-band cries are few, alarms and creaks are never enough.

    They belong to no fold: nothing is ever measured on them.
    """
    return [
        Clip(
            path=Path(f"{kind}_{number:03d}"),
            corpus=SYNTHETIC,
            label=kind,
            detector_label=CRY if kind == CRY else NONCRY,
            group_id=f"synthetic_{kind}_{number}",
            eval_fold=NO_FOLD,
            licence="Apache-2.0",
            licence_class="open",
        )
        for kind, count in SYNTHETIC_CLIPS.items()
        for number in range(count)
    ]


def synthesise(clip: Clip) -> np.ndarray:
    """The samples of a synthetic clip; its number is its seed."""
    kind, number = clip.label, int(clip.path.name.rsplit("_", 1)[1])
    rng = np.random.default_rng([sum(kind.encode()), number])
    if kind == CRY:
        return infant_cry(SYNTHETIC_S, rng).samples
    return HOUSEHOLD[kind](SYNTHETIC_S, rng)


def read_samples(clip: Clip) -> np.ndarray:
    """The clip's samples, 1-D float32 at 16 kHz."""
    if clip.corpus == SYNTHETIC:
        return synthesise(clip)
    from edge.audio import read_file  # PortAudio and codecs are not needed to read a table

    return read_slow(clip.path) if clip.corpus in SLOW else read_file(str(clip.path))


def read_slow(path: Path) -> np.ndarray:
    """A recording of 2 kHz, which no microphone of a room has and the device refuses, at 16 kHz."""
    import soundfile
    from scipy.signal import resample_poly  # here, as a home that trains reads no recordings: 70 MB less of it

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    return resample_poly(samples[:, 0], SAMPLE_RATE, rate).astype(np.float32)


def assert_groups_undivided(parts: Sequence[Sequence[Clip]]) -> None:
    """Raise UserError when two parts of a split share a group."""
    seen: dict[str, int] = {}
    for number, part in enumerate(parts):
        for group in {clip.group_id for clip in part}:
            if group in seen:
                raise UserError(
                    f"group {group} is in parts {seen[group]} and {number} of the split; a split must keep groups whole"
                )
            seen[group] = number


def split_by_fold(clips: Sequence[Clip], fold: int) -> tuple[list[Clip], list[Clip]]:
    """(training, held-out) clips of one eval_fold; refuses a fold that divides a group."""
    training = [clip for clip in clips if clip.eval_fold != fold]
    held_out = [clip for clip in clips if clip.eval_fold == fold]
    assert_groups_undivided([training, held_out])
    return training, held_out
