"""`cry-train corpora`: the cry corpora that people have to fetch themselves, and how their file names are read.

An import writes metadata.csv, in the form read_corpora() reads, beside the recordings; nothing is copied. Only what
a file's name says is believed: a name that does not fit is an error, because a wrong group would leak.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UserError
from training.data.corpora import CRY, Clip, assert_groups_undivided, read_corpora
from training.data.splits import BY_EVAL_FOLD, draw_folds, shortened

SOUND_SUFFIXES = (".wav", ".flac", ".ogg")
COLUMNS = ("path", "set", "label", "detector_label", "group_id", "eval_fold", "licence", "licence_class")
N_FOLDS = 4
UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class Corpus:
    """Where a corpus is from, and what its file names say."""

    name: str
    what: str
    where: str
    licence: str
    licence_class: str  # open, open_nc, or closed: may not train what ships
    pattern: str  # of a path inside the corpus; groups `label` and `group`
    example: str
    group: str  # what a group is
    labels: dict[str, str]  # as written, lower case -> ours; empty: the corpus tells no causes


SAME = {name: name for name in ("hungry", "sleepy", "awake", "uncomfortable", "diaper", "hug")}
DONATEACRY = {
    "hu": "hungry", "bu": "burping", "bp": "belly_pain", "dc": "discomfort", "ti": "tired",
    "ch": "cold_hot", "lo": "lonely", "sc": "scared", "dk": "dont_know",
}  # fmt: skip
CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "donateacry", "7-s clips from parents' phones, with the parent's guess of the cause",
            "github.com/gveres/donateacry-corpus, folder donateacry_corpus_cleaned_and_updated_data",
            "ODbL-1.0 (contents DbCL-1.0)", "open",
            r"(?:.*/)?(?:\w+_)?(?P<group>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-\d+-[\d._]+-[mf]-\d\d-(?P<label>[a-z]{2})",
            "hungry/0D1AD73E-4C5E-45F3-85C4-9A3CB71E8856-1430742197-1.0-m-04-hu.wav",
            "one installed app", DONATEACRY,
        ),
        Corpus(
            "baby2020", "2,190 clips of 1-7 s, infants of 0-3 months",
            "from its authors: Ji et al., 'Infant cry classification with graph convolutional networks'",
            "by agreement with its authors", "closed",
            r"(?:.*/)?(?P<label>[a-z]+)\d{2}[mf](?P<group>b\d+)_\d+_\d+",
            "Hungry04MB00011_2_002.wav", "one infant (the number after B)", SAME,
        ),
        Corpus(
            "baby_crying", "371 clips of 7-30 s; only sessions are told apart, not infants",
            "the public infant-cry recognition challenge set, one folder per label",
            "by the challenge's terms", "closed",
            r"(?:.*/)?(?P<label>[a-z]+)/(?P<group>[a-z]+_\d+)(?:_\d+)?",
            "hungry/hungry_12.wav, its parts hungry_12_0.wav, hungry_12_1.wav ...", "one session", SAME,
        ),
        Corpus(
            "cryceleb", "26,000 expirations of 786 newborns: who cries, not why",
            "huggingface.co/datasets/Ubenwa/CryCeleb2023, after accepting its terms",
            "CC BY-NC-ND 4.0", "closed",
            r"(?:.*/)?(?P<group>\w+)/[bd]/(?P=group)_[bd]_\d+", "audio/train/spk1/B/spk1_B_001.wav", "one infant", {},
        ),
        Corpus(
            "chillanto", "2,268 clips of 1 s: asphyxia, deaf, hunger, normal, pain",
            "from INAOE, Mexico, by request; bring the files to one folder per label, INFANT_SEGMENT.wav",
            "by agreement with INAOE", "closed",
            r"(?:.*/)?(?P<label>[a-z]+)/(?P<group>[a-z0-9]+)_\d+", "hunger/017_03.wav", "one infant",
            {"asphyxia": "asphyxia", "deaf": "deaf", "hunger": "hungry", "normal": "normal", "pain": "pain"},
        ),
    )
}  # fmt: skip


def import_corpus(name: str, folder: Path) -> list[Clip]:
    """Read the recordings of a corpus in `folder` by their names and write folder/metadata.csv.

    Raises UserError for an unknown corpus, no recordings, a name that does not fit, a label that is not the corpus's,
    one label only, or fewer groups than folds.
    """
    corpus = named(name)
    if not folder.is_dir():
        raise UserError(f"no folder {folder}: fetch {name} first ({corpus.where})")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)
    if not files:
        raise UserError(f"{folder} holds no {', '.join(SOUND_SUFFIXES)} file; fetch {name} first ({corpus.where})")
    clips = [read_name(corpus, folder, path) for path in files]
    labels = {clip.label for clip in clips}
    if corpus.labels and len(labels) < 2:
        raise UserError(f"{folder} has one label only ({labels.pop()}); {name} has several: import all of it")
    return write_table(clips, folder)


def write_table(clips: Sequence[Clip], folder: Path) -> list[Clip]:
    """Write folder/metadata.csv with folds that divide no group; the clips as read back. Raises UserError."""
    folds = draw_folds(clips, N_FOLDS, seed=0)
    with (folder / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for clip, fold in zip(clips, folds, strict=True):
            path = clip.path.relative_to(folder).as_posix()
            row = (path, clip.corpus, clip.label, clip.detector_label, clip.group_id, fold + 1)
            writer.writerow((*row, clip.licence, clip.licence_class))
    return read_corpora(folder)


def read_name(corpus: Corpus, folder: Path, path: Path) -> Clip:
    """What a file's name says of its recording. Raises UserError."""
    relative = path.relative_to(folder).with_suffix("").as_posix()
    match = re.fullmatch(corpus.pattern, relative.lower())
    if match is None:
        raise UserError(
            f"{path} is not named as {corpus.name} names its files ({corpus.example}); take it out or rename it"
        )
    label = UNLABELLED
    if corpus.labels:
        label = corpus.labels.get(match["label"])
        if label is None:
            raise UserError(
                f"{path} has the label {match['label']!r}, {corpus.name} has {', '.join(sorted(corpus.labels))}"
            )
    group = f"{corpus.name}_{match['group']}"
    return Clip(path, corpus.name, label, CRY, group, 0, corpus.licence, corpus.licence_class)


def verify(folder: Path) -> list[str]:
    """Check a folder of metadata.csv and recordings; returns lines of what it holds.

    Raises UserError when recordings are missing, listed twice or cannot be opened, or eval_fold divides a group.
    """
    clips = read_corpora(folder)
    if not clips:
        raise UserError(f"{folder / 'metadata.csv'} lists no recordings; import a corpus first")
    twice = sorted(str(path) for path, count in Counter(clip.path for clip in clips).items() if count > 1)
    if twice:
        raise UserError(f"{folder / 'metadata.csv'} lists {len(twice)} recordings twice: {shortened(twice)}")
    missing = [str(clip.path) for clip in clips if not clip.path.is_file()]
    if missing:
        raise UserError(f"{len(missing)} of {len(clips)} recordings are missing: {shortened(missing)}; restore them")
    reasons = {clip.path: unreadable(clip.path) for clip in clips}
    broken = [f"{path} ({reason})" for path, reason in reasons.items() if reason]
    if broken:
        raise UserError(f"{len(broken)} of {len(clips)} recordings cannot be read: {shortened(broken)}")
    folds = sorted({clip.eval_fold for clip in clips})
    assert_groups_undivided([[clip for clip in clips if clip.eval_fold == fold] for fold in folds])
    return describe(clips)


def unreadable(path: Path) -> str:
    """Why a recording cannot be opened; empty when it can."""
    import soundfile

    try:
        return "" if soundfile.info(str(path)).frames else "it is empty"
    except soundfile.SoundFileError as error:
        return str(error)


def describe(clips: Sequence[Clip]) -> list[str]:
    """Per corpus its clips, groups and labels."""
    lines = []
    for name in sorted({clip.corpus for clip in clips}):
        own = [clip for clip in clips if clip.corpus == name]
        labels = Counter(clip.label for clip in own)
        counts = ", ".join(f"{label} {count}" for label, count in labels.most_common(8))
        more = f" and {len(labels) - 8} more" if len(labels) > 8 else ""
        groups = len({clip.group_id for clip in own})
        lines.append(f"{name}: {len(own)} clips, {groups} groups, no {BY_EVAL_FOLD} divides one; {counts}{more}")
    return lines


def listing() -> list[str]:
    """What there is, where to get it, and how its files must be named."""
    lines = []
    for corpus in CORPORA.values():
        lines += [
            f"{corpus.name}: {corpus.what}",
            f"  where: {corpus.where}",
            f"  licence: {corpus.licence}" + ("" if corpus.licence_class == "open" else "; models of it may not ship"),
            f"  files: {corpus.example}",
            f"  group: {corpus.group}",
        ]
    return lines


def named(name: str) -> Corpus:
    """A corpus by its name. Raises UserError."""
    if name not in CORPORA:
        raise UserError(f"corpus {name!r} is not known, there are {', '.join(CORPORA)}")
    return CORPORA[name]
