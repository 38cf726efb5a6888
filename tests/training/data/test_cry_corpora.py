"""cry-train corpora promises to believe file names only where they fit, and to say what is wrong with the rest."""

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")

from training.command import main  # noqa: E402
from training.data.corpora import read_corpora  # noqa: E402

UUIDS = [f"{n:08X}-4C5E-45F3-85C4-9A3CB71E8856" for n in range(6)]
NAMES = {
    "donateacry": [f"{u}-143074219{n}-1.0-m-04-{'hu' if n % 2 else 'ti'}.wav" for n, u in enumerate(UUIDS)],
    "baby2020": [f"{'Hungry' if n % 2 else 'Sleepy'}04MB{n:05d}_2_{part:03d}.wav" for n in range(6) for part in (1, 2)],
    "baby_crying": [f"{cry}/{cry}_{n}_{part}.wav" for cry in ("awake", "hug") for n in range(3) for part in (0, 1)],
    "cryceleb": [f"audio/train/spk{n}/{period}/spk{n}_{period}_001.wav" for n in range(6) for period in "BD"],
    "chillanto": [f"{label}/{n:03d}_01.wav" for n, label in enumerate(("pain", "deaf", "hunger", "normal", "pain"))],
}
GROUPS = {"donateacry": 6, "baby2020": 6, "baby_crying": 6, "cryceleb": 6, "chillanto": 5}


def write_recordings(folder, names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800, np.float32), 16000)
    return folder


def run(capsys, *arguments):
    status = main(["corpora", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.mark.parametrize("corpus", NAMES)
def test_a_corpus_is_imported_by_its_names(corpus, tmp_path, capsys):
    write_recordings(tmp_path, NAMES[corpus])
    status, out, _ = run(capsys, "import", corpus, "--data", tmp_path)
    assert status == 0 and f"{corpus}: {len(NAMES[corpus])} clips, {GROUPS[corpus]} groups" in out
    clips = read_corpora(tmp_path)
    assert {clip.path.relative_to(tmp_path).as_posix() for clip in clips} == set(NAMES[corpus])
    folds = {}
    for clip in clips:
        folds.setdefault(clip.group_id, set()).add(clip.eval_fold)
    assert all(len(found) == 1 for found in folds.values())
    assert run(capsys, "verify", "--data", tmp_path)[0] == 0


def test_names_tell_label_and_group(tmp_path, capsys):
    write_recordings(tmp_path, NAMES["baby2020"])
    run(capsys, "import", "baby2020", "--data", tmp_path)
    clip = next(clip for clip in read_corpora(tmp_path) if clip.path.name == "Hungry04MB00003_2_001.wav")
    assert (clip.label, clip.group_id, clip.licence_class) == ("hungry", "baby2020_b00003", "closed")


def test_the_list_says_where_each_is_from(capsys):
    status, out, _ = run(capsys)
    assert status == 0
    assert all(name in out for name in NAMES)
    assert out.count("where: ") == len(NAMES) + 3  # and debian, hearts and lungs, which hold no cries


@pytest.mark.parametrize(
    "corpus, names, reason",
    [
        ("baby3000", [], "'baby3000' is not known, there are donateacry"),
        ("baby2020", [], "holds no .wav, .flac, .ogg file; fetch baby2020 first"),
        ("baby2020", ["cry1.wav"], "cry1.wav is not named as baby2020 names its files"),
        ("baby2020", ["Bored04MB00011_2_002.wav"], "the label 'bored', baby2020 has awake"),
        ("baby2020", NAMES["baby2020"][:2], "one label only (sleepy)"),
        ("baby2020", NAMES["baby2020"][:4], "4 folds are asked for, there are only 2 groups"),
    ],
)
def test_what_cannot_be_imported_is_refused(corpus, names, reason, tmp_path, capsys):
    write_recordings(tmp_path, names)
    status, _, err = run(capsys, "import", corpus, "--data", tmp_path)
    assert status == 1 and err.count("\n") == 1
    assert err.startswith("cry-train: error: ") and reason in err
    assert not (tmp_path / "metadata.csv").exists()


@pytest.mark.parametrize("arguments, reason", [(["verify"], "--data"), (["import", "--data", "."], "needs a corpus")])
def test_what_is_left_out_is_named(arguments, reason, capsys):
    status, _, err = run(capsys, *arguments)
    assert status == 1 and reason in err


def test_verify_names_what_is_missing_broken_or_divided(tmp_path, capsys):
    write_recordings(tmp_path, NAMES["cryceleb"])
    run(capsys, "import", "cryceleb", "--data", tmp_path)
    table = (tmp_path / "metadata.csv").read_text()
    first = tmp_path / NAMES["cryceleb"][0]
    first.write_bytes(b"no sound")
    assert "1 of 12 recordings cannot be read" in run(capsys, "verify", "--data", tmp_path)[2]
    first.unlink()
    assert "1 of 12 recordings are missing" in run(capsys, "verify", "--data", tmp_path)[2]
    write_recordings(tmp_path, NAMES["cryceleb"])
    lines = table.splitlines()
    (tmp_path / "metadata.csv").write_text("\n".join([*lines, lines[1]]))
    assert "lists 1 recordings twice" in run(capsys, "verify", "--data", tmp_path)[2]
    cells = lines[1].split(",")
    cells[5] = str(1 + int(cells[5]) % 4)
    (tmp_path / "metadata.csv").write_text("\n".join([lines[0], ",".join(cells), *lines[2:]]))
    assert "a split must keep groups whole" in run(capsys, "verify", "--data", tmp_path)[2]
