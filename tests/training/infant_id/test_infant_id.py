"""cry-train infant-id promises: voices that differ are told apart, by folds and by pairs."""

import csv
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")

from training.command import main  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402
from training.layers.res8 import build_res8, with_head  # noqa: E402

INFANTS = 8


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Eight infants, each of a pitch and resonance of its own, at birth and at discharge; one has one clip."""
    folder = tmp_path_factory.mktemp("cryceleb")
    rows = [COLUMNS]
    t = np.arange(20000) / 16000
    for infant in range(INFANTS + 1):
        for period in ("B", "D")[: 1 if infant == INFANTS else 2]:
            rng = np.random.default_rng([infant, ord(period)])
            f0 = 260 + 60 * infant + rng.normal()
            voice = sum(np.sin(2 * np.pi * f0 * k * t) / (1 + abs(k - 1 - infant % 4)) for k in range(1, 6))
            path = f"spk{infant}/{period}/spk{infant}_{period}_001.flac"
            (folder / path).parent.mkdir(parents=True)
            soundfile.write(folder / path, 0.1 * voice + 0.001 * rng.standard_normal(len(t)), 16000)
            rows.append((path, "cryceleb", "unlabelled", "cry", f"cryceleb_spk{infant}", 1, "CC0-1.0", "open"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_res8_has_the_published_parameters():
    assert build_res8("res8", (101, 40), 12).count_params() - 2 * 6 * 45 == 110_307  # less moments: not trained
    assert build_res8("res8-narrow", (101, 40), 12).count_params() - 2 * 6 * 19 == 19_905
    assert build_res8("res8", (101, 40), 2).count_params() - 2 * 6 * 45 == 109_847
    narrow = build_res8("res8-narrow", (98, 64), 12)
    assert with_head(narrow, 3).output.shape == (None, 3)


def run(recordings, out, *more):
    return main(["infant-id", "--data", str(recordings), "--out", str(out), "--epochs", "2", *more])


def test_by_folds_with_an_interval_and_chance(recordings, tmp_path, without_graphs):
    assert run(recordings, tmp_path, "--folds", "2", "--leave-out-single") == 0
    report = json.loads((tmp_path / "report.json").read_text())["all"]
    assert report["infants"] == INFANTS and report["same"] == INFANTS
    assert report["different"] == 2 * 4 * 3  # pairs of one fold only
    assert report["eer"] < report["chance"][1]


def test_one_for_a_device_says_the_same_of_whole_frames(recordings, tmp_path, without_graphs):
    assert run(recordings, tmp_path, "--folds", "2", "--leave-out-single", "--release") == 0
    described = json.loads((tmp_path / "model" / "model.json").read_text())
    assert described["role"] == "embedding" and described["dimensions"] == 64
    assert described["metrics"]["infants"] == INFANTS and 0 <= described["metrics"]["eer"] <= 1
    whole = keras.saving.load_model(tmp_path / "model" / "embedding.keras", compile=False)
    own = whole.layers[-1]
    frame = np.random.default_rng(1).normal(-5, 4, (3, 98, 64)).astype(np.float32)
    low = frame[:, :, : own.input.shape[2]]
    expected = own.predict_on_batch((low - low.mean((1, 2), keepdims=True))[..., None] / 3.0)
    given = whole.predict_on_batch((frame - frame.mean((1, 2), keepdims=True))[..., None] / 3.0)
    np.testing.assert_allclose(given, expected, atol=1e-4)


def test_a_start_of_another_size_is_one_line(recordings, tmp_path, capsys):
    build_res8("res8", (49, 32), 2).save(tmp_path / "large.keras")
    assert run(recordings, tmp_path / "out", "--leave-out-single", "--start", str(tmp_path / "large.keras")) == 1
    assert "has 45 maps, res8-narrow has 19" in capsys.readouterr().err.splitlines()[-1]


def test_by_a_list_of_pairs(recordings, tmp_path, without_graphs):
    pairs = tmp_path / "pairs.csv"
    judged = ("spk0", "spk1", "spk2")
    rows = [(a, b, int(a == b)) for a in judged for b in judged]
    with pairs.open("w", newline="") as file:
        csv.writer(file).writerows([("baby_id_B", "baby_id_D", "label"), *rows])
    assert run(recordings, tmp_path / "out", "--pairs", str(pairs)) == 0
    scores = list(csv.DictReader((tmp_path / "out" / "scores.csv").open()))
    assert [(row["baby_id_B"], row["baby_id_D"]) for row in scores] == [(a, b) for a, b, _ in rows]
    assert all(-1.001 <= float(row["score"]) <= 1.001 for row in scores)
    assert 0 <= json.loads((tmp_path / "out" / "report.json").read_text())["eer"] <= 1


@pytest.mark.parametrize(
    "flags, says",
    [
        ([], "1 infants have one clip, or one period only, as cryceleb_spk8"),
        (["--leave-out-single", "--start", __file__], "is no res8 or res8-narrow of cry-train pretrain"),
        (["--corpus", "songs"], "has no cry of songs"),
        (["--folds", "20", "--leave-out-single"], "20 folds are asked for, there are only 8 groups"),
        (["--pairs", "nowhere.csv"], "nowhere.csv"),
        (["--pairs", "nowhere.csv", "--release"], "--release is for folds"),
    ],
)
def test_bad_input_is_one_line(recordings, tmp_path, capsys, flags, says):
    assert run(recordings, tmp_path / "out", *flags) == 1
    error = capsys.readouterr().err.splitlines()
    assert says in error[-1] and error[-1].startswith("cry-train: error:")
