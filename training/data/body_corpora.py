"""Heart and lung sounds, as PhysioNet/CinC 2016 and ICBHI 2017 lay them out: no cries, and no patient on two sides.

Who wants to know whether what is built for cries carries to them fetches them himself. Labels and patients are read
from the tables beside the recordings, never guessed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UserError
from training.data.corpora import NONCRY, Clip
from training.data.cry_corpora import write_table
from training.data.splits import shortened

HEART, LUNG = "physionet2016", "icbhi2017"
REFERENCE, APPENDIX = "REFERENCE.csv", "Online_Appendix_training_set.csv"
RECORD_COLUMN, SUBJECT = "challenge record name", "subject"
HEART_LABELS = {"-1": "normal", "1": "abnormal"}
LUNG_NAME = re.compile(r"(?P<patient>\d+)_\w+_(?:Tc|Al|Ar|Pl|Pr|Ll|Lr)_(?:sc|mc)_\w+")


@dataclass(frozen=True)
class BodyCorpus:
    """Where a corpus is from, and how it lies in a folder."""

    name: str
    what: str
    where: str
    licence: str
    files: str
    group: str
    read: Callable[[Path], list[Clip]]


def import_corpus(name: str, folder: Path) -> list[Clip]:
    """Read a corpus in `folder` and write folder/metadata.csv. Raises UserError for what is missing or does not fit."""
    corpus = CORPORA[name]
    if not folder.is_dir():
        raise UserError(f"no folder {folder}: fetch {name} first ({corpus.where})")
    clips = corpus.read(folder)
    if not clips:
        raise UserError(f"{folder} holds no recording as {name} lays them out ({corpus.files}); fetch {name} first")
    labels = {clip.label for clip in clips}
    if len(labels) < 2:
        raise UserError(f"{folder} has one label only ({labels.pop()}); {name} has several: import all of it")
    return write_table(clips, folder)


def read_heart(folder: Path) -> list[Clip]:
    """training-a to training-f, each with REFERENCE.csv: record, -1 normal or 1 abnormal.

    One person was recorded several times. Who it was stands in the online appendix; without that file a group is a
    whole database, which certainly divides nobody.
    """
    patients = appendix(folder)
    clips = []
    for table in sorted(folder.glob(f"training-*/{REFERENCE}")):
        for record, label in references(table):
            path = table.parent / f"{record}.wav"
            if not path.is_file():
                raise UserError(f"{table} lists {record}, but there is no {path}: restore it")
            if patients and record not in patients:
                raise UserError(f"{APPENDIX} does not say who {record} is of; complete it, or take the file out")
            group = f"{table.parent.name}_{patients[record]}" if patients else table.parent.name
            clips.append(clip_of(HEART, path, label, group))
    return clips


def references(table: Path) -> list[tuple[str, str]]:
    """Records and their labels. Raises UserError for another label."""
    found = []
    with table.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if len(row) < 2 or row[1].strip() not in HEART_LABELS:
                raise UserError(f"{table} row {number} is {','.join(row)!r}, a record and -1 or 1 are needed")
            found.append((row[0].strip(), HEART_LABELS[row[1].strip()]))
    return found


def appendix(folder: Path) -> dict[str, str]:
    """{record: who it is of} of the online appendix; empty where it is not there, or does not say."""
    file = next(iter(sorted(folder.rglob(APPENDIX))), None)
    if file is None:
        return {}
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = [{key.strip().lower(): value for key, value in row.items() if key} for row in csv.DictReader(lines)]
    column = next((key for key in (rows[0] if rows else {}) if key.startswith(SUBJECT)), None)
    if column is None or RECORD_COLUMN not in rows[0]:
        return {}
    return {row[RECORD_COLUMN].strip(): row[column].strip() for row in rows if (row[column] or "").strip()}


def read_lung(folder: Path) -> list[Clip]:
    """PATIENT_RECORDING_CHEST_MODE_EQUIPMENT.wav, each with a .txt of its breaths: begin, end, crackles, wheezes."""
    clips, strange = [], []
    for path in sorted(folder.rglob("*.wav")):
        match = LUNG_NAME.fullmatch(path.stem)
        if match is None:
            strange.append(path.name)
            continue
        clips.append(clip_of(LUNG, path, lung_label(path.with_suffix(".txt")), match["patient"]))
    if strange:
        raise UserError(
            f"{len(strange)} files are not named as {LUNG} names its own, as {shortened(strange)}: take them out"
        )
    return clips


def lung_label(table: Path) -> str:
    """normal, crackle, wheeze or both: what is heard in any breath. Raises UserError."""
    if not table.is_file():
        raise UserError(f"no {table}: the breaths of a recording are listed beside it, restore it")
    crackles = wheezes = False
    for number, line in enumerate(table.read_text().splitlines(), start=1):
        fields = line.split()
        if len(fields) != 4 or not {*fields[2:]} <= {"0", "1"}:
            raise UserError(
                f"{table} row {number} is {line!r}: begin, end, and 0 or 1 for crackles and wheezes are needed"
            )
        crackles, wheezes = crackles or fields[2] == "1", wheezes or fields[3] == "1"
    return {(False, False): "normal", (True, False): "crackle", (False, True): "wheeze"}.get(
        (crackles, wheezes), "both"
    )


def clip_of(corpus: str, path: Path, label: str, patient: str) -> Clip:
    """A recording of somebody."""
    return Clip(path, corpus, label, NONCRY, f"{corpus}_{patient}", 0, CORPORA[corpus].licence, "closed")


CORPORA = {
    corpus.name: corpus
    for corpus in (
        BodyCorpus(
            HEART, "3,240 heart sounds of 5-120 s, normal or abnormal, six databases",
            "physionet.org/content/challenge-2016", "ODC-By 1.0",
            "training-a/a0001.wav ... with training-a/REFERENCE.csv, and annotations/Online_Appendix_training_set.csv",
            "one subject, of the online appendix; without it one whole database", read_heart,
        ),
        BodyCorpus(
            LUNG, "920 lung sounds of 126 patients, with crackles and wheezes by breath",
            "bhichallenge.med.auth.gr", "for research, by its terms",
            "101_1b1_Al_sc_Meditron.wav with 101_1b1_Al_sc_Meditron.txt", "one patient", read_lung,
        ),
    )
}  # fmt: skip


def listing() -> list[str]:
    """What there is, where to get it, and how its files must lie."""
    lines = []
    for corpus in CORPORA.values():
        lines += [
            f"{corpus.name}: {corpus.what}",
            f"  where: {corpus.where}",
            f"  licence: {corpus.licence}; models of it may not ship",
            f"  files: {corpus.files}",
            f"  group: {corpus.group}",
        ]
    return lines
