"""Heart and lung corpora are read as they lie, and no patient is ever on two sides of a split."""

import numpy as np
import pytest

soundfile = pytest.importorskip("soundfile")

from training.command import main  # noqa: E402
from training.data.corpora import read_corpora  # noqa: E402
from training.data.log_mel_frames import frames_of  # noqa: E402
from training.data.splits import make_splits, prove  # noqa: E402

DATABASES = "abcdef"


def sound(path, rate=2000, seconds=1.5):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(len(path.name)).standard_normal(int(rate * seconds)), rate)


def heart(folder, with_subjects):
    """Six databases; in each four records of two people."""
    rows = []
    for database in DATABASES:
        lines = []
        for number in range(1, 5):
            record = f"{database}000{number}"
            sound(folder / f"training-{database}" / f"{record}.wav")
            lines.append(f"{record},{1 if number > 2 else -1}")
            rows.append(f"{record},training-{database},{number % 2}")
        (folder / f"training-{database}" / "REFERENCE.csv").write_text("\n".join(lines) + "\n")
    if with_subjects:
        (folder / "annotations").mkdir()
        table = "Challenge record name,Database,Subject ID\n" + "\n".join(rows) + "\n"
        (folder / "annotations" / "Online_Appendix_training_set.csv").write_text(table)
    return folder


def lung(folder):
    """Sixteen patients of two recordings."""
    for patient in range(101, 117):
        for chest, breath in (("Al", "0.1\t0.9\t0\t0"), ("Pr", f"0.1\t0.9\t{patient % 2}\t{patient // 2 % 2}")):
            path = folder / f"{patient}_1b1_{chest}_sc_Meditron.wav"
            sound(path, 4000)
            path.with_suffix(".txt").write_text(breath + "\n0.9\t1.2\t0\t0\n")
    return folder


def imported(name, folder, capsys):
    status = main(["corpora", "import", name, "--data", str(folder)])
    return status, capsys.readouterr()


@pytest.mark.parametrize("with_subjects, groups", [(True, 12), (False, 6)])
def test_heart_sounds_keep_people_whole(with_subjects, groups, tmp_path, capsys):
    status, printed = imported("physionet2016", heart(tmp_path, with_subjects), capsys)
    assert status == 0 and f"physionet2016: 24 clips, {groups} groups" in printed.out
    clips = read_corpora(tmp_path)
    assert {clip.label for clip in clips} == {"normal", "abnormal"}
    by_name = {clip.path.stem: clip for clip in clips}
    assert by_name["a0001"].group_id == by_name["a0003"].group_id  # one person, two labels
    assert (by_name["a0001"].group_id == by_name["a0002"].group_id) is not with_subjects
    assert main(["corpora", "verify", "--data", str(tmp_path)]) == 0


@pytest.mark.parametrize("name, made", [("physionet2016", lambda f: heart(f, True)), ("icbhi2017", lung)])
def test_splits_and_features_take_them(name, made, tmp_path, capsys):
    assert imported(name, made(tmp_path), capsys)[0] == 0
    clips = read_corpora(tmp_path)
    for split in make_splits(clips, 2, 0.3, 0, mixed_groups=True):
        assert set(prove(clips, split)["shared_groups"].values()) == {0}
    frames = frames_of(clips[:3])
    assert np.isfinite(frames.log_mel).all() and set(frames.owner) == {0, 1, 2}


def test_lung_sounds_have_the_labels_of_their_breaths(tmp_path, capsys):
    assert imported("icbhi2017", lung(tmp_path), capsys)[0] == 0
    found = {clip.path.stem[:10]: clip.label for clip in read_corpora(tmp_path)}
    assert found["101_1b1_Al"] == "normal" and found["104_1b1_Pr"] == "normal"
    assert found["101_1b1_Pr"] == "crackle" and found["102_1b1_Pr"] == "wheeze" and found["103_1b1_Pr"] == "both"


def spoilt(folder, how):
    if how == "record":
        (heart(folder, False) / "training-a" / "a0001.wav").unlink()
    elif how == "label":
        (heart(folder, False) / "training-a" / "REFERENCE.csv").write_text("a0001,2\n")
    elif how == "who":
        table = heart(folder, True) / "annotations" / "Online_Appendix_training_set.csv"
        table.write_text(table.read_text().replace("a0001,training-a,1\n", ""))
    elif how == "breaths":
        (lung(folder) / "101_1b1_Al_sc_Meditron.txt").unlink()
    elif how == "row":
        (lung(folder) / "101_1b1_Al_sc_Meditron.txt").write_text("0.1 0.9 2 0\n")
    elif how == "name":
        sound(lung(folder) / "cough.wav")
    return folder


@pytest.mark.parametrize(
    "name, how, says",
    [
        ("physionet2016", "record", "lists a0001, but there is no"),
        ("physionet2016", "label", "row 1 is 'a0001,2', a record and -1 or 1 are needed"),
        ("physionet2016", "who", "does not say who a0001 is of"),
        ("physionet2016", "", "holds no recording as physionet2016 lays them out"),
        ("icbhi2017", "breaths", "no "),
        ("icbhi2017", "row", "row 1 is '0.1 0.9 2 0': begin, end, and 0 or 1"),
        ("icbhi2017", "name", "1 files are not named as icbhi2017 names its own, as cough.wav"),
    ],
)
def test_what_does_not_fit_is_refused(name, how, says, tmp_path, capsys):
    status, printed = imported(name, spoilt(tmp_path, how), capsys)
    assert status == 1 and says in printed.err and printed.err.count("\n") == 1
    assert not (tmp_path / "metadata.csv").exists()


def test_the_list_names_them(capsys):
    assert main(["corpora"]) == 0
    out = capsys.readouterr().out
    assert "physionet2016" in out and "icbhi2017" in out
