"""Other sound from five packages of Debian: music, animals and speech in many languages, each with its licence.

`cry-train corpora import debian` fetches the packages by name with apt-get, keeps their sounds and copyright files,
and writes metadata.csv. CC0, CC-BY and public domain may train what ships; CC-BY-SA and GPL are only measured with; a
file whose licence cannot be told is left out.
"""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from edge.errors import UserError
from training.data.corpora import NONCRY, Clip, read_corpora
from training.data.cry_corpora import COLUMNS, N_FOLDS
from training.data.debian_licences import LEFT_OUT, Licences
from training.data.splits import draw_folds

NAME = "debian"
SOUND_SUFFIXES = (".ogg", ".wav")
TAKE = re.compile(r"(?:[_-]?\d+|_f|_fast)+$")  # takes and tempi of one work


@dataclass(frozen=True)
class Package:
    """Where a package keeps its sounds, below `root` or inside the zip of that name below it, and what they are.

    kinds: (pattern of a path without suffix, label); its group `work`, where it has one, is what no split may divide
    (speech is grouped by its language, which one or few people spoke), else a path without the number of its take.
    """

    name: str
    root: str
    kinds: tuple[tuple[str, str], ...]
    archive: str = ""


PACKAGES = {
    package.name: package
    for package in (
        Package(
            "0ad-data",
            "usr/share/games/0ad/mods/public",
            (
                (r"audio/music/.*", "music"),
                (r"audio/voice/(?P<work>\w+)/.*", "speech"),
                (r"audio/actor/fauna/.*", "animal"),
                (r"audio/actor/human/.*", "voice"),
            ),
            archive="public.zip",
        ),
        Package("supertuxkart-data", "usr/share/games/supertuxkart", ((r"data/music/.*", "music"),)),
        Package(
            "tuxpaint-stamps-default",
            "usr/share/tuxpaint/stamps",
            (
                (r".*_desc_(?P<work>[A-Za-z_]+)(\.ogg)?", "speech"),
                (r"symbols/math/.*_(?P<work>[A-Za-z_]+)", "speech"),
                (r".*_(?P<work>desc)", "speech"),
                (r"symbols/(?P<work>math|alphabets)/.*", "speech"),
                (r"animals/.*", "animal"),
                (r"hobbies/music/.*", "music"),
            ),
        ),
        Package("ktuberling-data", "usr/share/ktuberling/sounds", ((r"(?P<work>[^/]+)/.*", "speech"),)),
        Package(
            "fillets-ng-data",
            "usr/share/games/fillets-ng",
            ((r"music/.*", "music"), (r"sound/(?P<work>\w+)/.*", "effect")),
        ),
    )
}


def import_debian(folder: Path) -> list[Clip]:
    """Fetch the packages into `folder` unless they lie there, unpack their sounds, write folder/metadata.csv.

    Raises UserError where a package cannot be fetched or opened, or holds no sound whose licence can be told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    for package in PACKAGES.values():
        rows += package_rows(package, unpacked(package, folder), folder)
    clips = [as_clip(row, folder) for row in rows]
    partial = folder / "metadata.csv.partial"
    with partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row, fold in zip(rows, draw_folds(clips, N_FOLDS, seed=0), strict=True):
            writer.writerow({**row, "eval_fold": fold + 1})
    partial.replace(folder / "metadata.csv")
    return read_corpora(folder)


def unpacked(package: Package, folder: Path) -> Path:
    """The folder of a package's sounds and its copyright file; fetched and unpacked where it does not exist yet."""
    target = folder / package.name
    if not target.is_dir():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            partial = Path(scratch) / package.name
            keep_sounds(package, fetched(package.name, folder), partial)
            partial.replace(target)
    return target


def fetched(name: str, folder: Path) -> Path:
    """The package's .deb in `folder`, through apt-get where it is not there yet. Raises UserError."""
    if not any(folder.glob(f"{name}_*.deb")):
        if shutil.which("apt-get") is None:
            raise UserError(f"{name} is a package of Debian and there is no apt-get: put its .deb into {folder}")
        done = subprocess.run(["apt-get", "download", name], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["apt-get says nothing"])[-1]
            raise UserError(f"cannot fetch {name}: {reason}; run apt-get update, or put its .deb into {folder}")
    return sorted(folder.glob(f"{name}_*.deb"))[-1]


def keep_sounds(package: Package, deb: Path, target: Path) -> None:
    """Write a package's copyright file and its sounds, by their paths below its root, into `target`."""
    target.mkdir()
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                for name, file in members(tar):
                    if name == PurePosixPath("usr/share/doc", package.name, "copyright"):
                        write(file, target / "copyright")
                    elif package.archive and name == PurePosixPath(package.root, package.archive):
                        keep_zipped(file, target)
                    elif name.suffix in SOUND_SUFFIXES and name.is_relative_to(package.root):
                        write(file, target / name.relative_to(package.root))
        except tarfile.TarError as error:
            raise UserError(f"{deb} cannot be unpacked ({error}); delete it and import again") from error


def members(tar: tarfile.TarFile) -> Iterator[tuple[PurePosixPath, IO[bytes]]]:
    """Name and content of each plain file."""
    for member in tar:
        file = tar.extractfile(member) if member.isfile() else None
        if file is not None:
            yield PurePosixPath(member.name.removeprefix("./")), file


def keep_zipped(file: IO[bytes], target: Path) -> None:
    """The sounds of an archive inside the package."""
    with tempfile.TemporaryFile(dir=target) as copy:
        shutil.copyfileobj(file, copy)
        with zipfile.ZipFile(copy) as archive:
            for name in archive.namelist():
                if name.endswith(SOUND_SUFFIXES) and ".." not in PurePosixPath(name).parts:
                    with archive.open(name) as sound:
                        write(sound, target / name)


def write(file: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        shutil.copyfileobj(file, out)


def package_rows(package: Package, sounds: Path, folder: Path) -> list[dict[str, str]]:
    """One row of metadata.csv per whole sound whose licence can be told. Raises UserError where there is none."""
    licences = Licences((sounds / "copyright").read_text())
    rows = []
    for path in sorted(path for path in sounds.rglob("*") if path.suffix in SOUND_SUFFIXES):
        inside = path.relative_to(sounds)
        licence, licence_class = licences.of(inside.as_posix())
        if licence_class != LEFT_OUT and is_whole(path):
            label, work = kind_and_work(package, inside)
            rows.append(
                {
                    "path": path.relative_to(folder).as_posix(),
                    "set": package.name,
                    "label": label,
                    "detector_label": NONCRY,
                    "group_id": f"{package.name}_{work}",
                    "licence": licence,
                    "licence_class": licence_class,
                }
            )
    if not rows:
        raise UserError(f"{package.name} holds no sound whose licence can be told; look into {sounds}")
    return rows


def is_whole(path: Path) -> bool:
    """Whether a sound can be read to its end."""
    from edge.audio import read_file  # PortAudio and codecs are not needed to read a table

    try:
        read_file(str(path))
    except UserError:
        return False
    return True


def kind_and_work(package: Package, inside: Path) -> tuple[str, str]:
    """What a sound is (music, speech, animal, voice, effect), and the work that no split may divide."""
    name = inside.with_suffix("").as_posix()
    for pattern, label in package.kinds:
        match = re.fullmatch(pattern, name)
        if match:
            work = match.groupdict().get("work")
            return label, f"{label}_{work}" if work else TAKE.sub("", name).replace("/", "_")
    return "effect", TAKE.sub("", name).replace("/", "_")


def as_clip(row: dict[str, str], folder: Path) -> Clip:
    """A row before it has a fold."""
    return Clip(
        folder / row["path"], row["set"], row["label"], NONCRY, row["group_id"], 0, row["licence"], row["licence_class"]
    )


def listing() -> list[str]:
    """What there is, where it is from, and what it may be used for."""
    return [
        f"{NAME}: music, animals, speech in many languages and sounds of games; no cries",
        f"  where: packages {', '.join(PACKAGES)}; import fetches them with apt-get download",
        "  licence: of each file, by the package's copyright file; CC0, CC-BY and public domain may train,",
        "    CC-BY-SA and GPL are measured with, what cannot be told is left out",
        "  group: one work; the speech of one language",
    ]
