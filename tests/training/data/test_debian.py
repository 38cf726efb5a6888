"""cry-train corpora import debian promises each sound's licence, whole works in one fold, and nothing unlicensed."""

import io
import shutil
import subprocess
import zipfile

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="packages are made with dpkg-deb")

from training.command import main  # noqa: E402
from training.data.corpora import read_corpora  # noqa: E402
from training.data.debian import PACKAGES  # noqa: E402
from training.data.debian_licences import LEFT_OUT, Licences, class_of  # noqa: E402

GPL = "Format: x\n\nFiles: *\nCopyright: somebody\nLicense: GPL-2\n"
KARTS = """Format: x

Files: *
License: GPL-3+

Files: data/sfx/free.ogg
       data/sfx/crash*.ogg
License: CC0

Files: data/sfx/named.ogg
License: CC-BY-3.0

Files: data/sfx/odd.ogg
License: Pay-me
"""
PROSE = "This package is free software; you can use it under the terms of the GNU General Public License.\n"
SOUNDS = {
    "0ad-data": (["audio/music/Sunrise.ogg", "audio/actor/fauna/animal/pig_1.ogg", "audio/voice/greek/civ/a.ogg"], GPL),
    "supertuxkart-data": (
        [f"data/sfx/{name}.ogg" for name in ("free", "crash1", "crash2", "named", "odd", "other")],
        KARTS,
    ),
    "tuxpaint-stamps-default": (["animals/pig.ogg", "animals/pig_desc_fr.ogg", "food/pear_desc_fr.ogg"], GPL),
    "ktuberling-data": (["de/hat.ogg", "uk/hat.wav"], GPL),
    "fillets-ng-data": (["music/rybky01.ogg", "music/rybky02.ogg", "sound/share/sp-dead.ogg"], PROSE),
}


def ogg():
    """A short sound, as bytes."""
    content = io.BytesIO()
    soundfile.write(content, np.zeros(800, np.float32), 16000, format="OGG", subtype="VORBIS")
    return content.getvalue()


SOUND = ogg()


def write_package(folder, name):
    """A small .deb with empty sounds at the places where the package has its own."""
    package, (sounds, copyright_text) = PACKAGES[name], SOUNDS[name]
    root = folder / "made" / name
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n"
    )
    doc = root / "usr/share/doc" / name
    doc.mkdir(parents=True)
    (doc / "copyright").write_text(copyright_text)
    (root / package.root).mkdir(parents=True)
    if package.archive:
        with zipfile.ZipFile(root / package.root / package.archive, "w") as archive:
            for sound in sounds:
                archive.writestr(sound, SOUND)
    else:
        for sound in [*sounds, "data/picture.png"]:
            path = root / package.root / sound
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(SOUND)
    subprocess.run(
        ["dpkg-deb", "--build", str(root), str(folder / f"{name}_1_all.deb")], check=True, capture_output=True
    )


@pytest.fixture
def imported(tmp_path, capsys):
    folder = tmp_path / "debian"
    folder.mkdir()
    for name in PACKAGES:
        write_package(folder, name)
    assert main(["corpora", "import", "debian", "--data", str(folder)]) == 0
    capsys.readouterr()
    shutil.rmtree(folder / "made")
    return {clip.path.relative_to(folder).as_posix(): clip for clip in read_corpora(folder)}


def test_licences_decide_what_a_sound_is_for(imported):
    karts = {path.rsplit("/", 1)[1]: clip for path, clip in imported.items() if clip.corpus == "supertuxkart-data"}
    assert {name: clip.licence_class for name, clip in karts.items()} == {
        "free.ogg": "open",
        "crash1.ogg": "open",
        "crash2.ogg": "open",
        "named.ogg": "open",
        "other.ogg": "measure",
    }
    assert karts["named.ogg"].licence == "CC-BY-3.0"
    others = {clip.licence_class for clip in imported.values() if clip.corpus != "supertuxkart-data"}
    assert others == {"measure"}


def test_sounds_alone_are_kept_and_none_is_a_cry(imported):
    assert all(path.endswith((".ogg", ".wav")) for path in imported)
    assert {clip.detector_label for clip in imported.values()} == {"noncry"}
    assert imported["0ad-data/audio/music/Sunrise.ogg"].label == "music"
    assert imported["tuxpaint-stamps-default/animals/pig.ogg"].label == "animal"


def test_a_sound_that_was_cut_short_is_left_out(tmp_path, capsys):
    for name in PACKAGES:
        write_package(tmp_path, name)
    assert main(["corpora", "import", "debian", "--data", str(tmp_path)]) == 0
    cut = tmp_path / "tuxpaint-stamps-default/animals/pig.ogg"
    cut.write_bytes(SOUND[: len(SOUND) // 2])
    assert main(["corpora", "import", "debian", "--data", str(tmp_path)]) == 0
    assert cut not in {clip.path for clip in read_corpora(tmp_path)}


def test_takes_of_a_work_and_one_language_stay_together(imported):
    def group(path):
        return imported[path].group_id

    assert group("supertuxkart-data/data/sfx/crash1.ogg") == group("supertuxkart-data/data/sfx/crash2.ogg")
    french = "tuxpaint-stamps-default/animals/pig_desc_fr.ogg"
    assert imported[french].label == "speech"
    assert group(french) == group("tuxpaint-stamps-default/food/pear_desc_fr.ogg")
    assert group(french) != group("tuxpaint-stamps-default/animals/pig.ogg")
    folds = {}
    for clip in imported.values():
        folds.setdefault(clip.group_id, set()).add(clip.eval_fold)
    assert all(len(found) == 1 for found in folds.values())


def test_a_package_that_cannot_be_fetched_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["corpora", "import", "debian", "--data", str(tmp_path / "debian")]) == 1
    assert "0ad-data is a package of Debian and there is no apt-get" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC0-1.0", "open"),
        ("CC-BY-4.0", "open"),
        ("CC-BY-SA-3.0 or CC-BY-3.0", "open"),
        ("CC-BY-4.0 and CC-BY-SA-3.0", "measure"),
        ("GPL-2+ OR CC-BY-SA", "measure"),
        ("CC-BY-NC-3.0", LEFT_OUT),
        ("GPL-2 and Pay-me", LEFT_OUT),
    ],
)
def test_what_a_licence_allows(licence, expected):
    assert class_of(licence) == expected


def test_prose_that_names_no_licence_allows_nothing():
    assert Licences("Do what you think is right.").of("a.ogg") == ("", LEFT_OUT)
