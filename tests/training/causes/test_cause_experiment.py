"""cry-train causes promises: it learns what can be learnt, proves its splits, resumes, and ships what it judged."""

import csv
import hashlib
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")
pytest.importorskip("matplotlib")

from edge.errors import UserError  # noqa: E402
from training.causes import experiment as experiment_room  # noqa: E402
from training.causes import fitting, release  # noqa: E402
from training.causes.config import (  # noqa: E402
    FeatureConfig,
)
from training.causes.material import tensors_of  # noqa: E402
from training.command import main  # noqa: E402
from training.data.cry_corpora import COLUMNS as TABLE_COLUMNS  # noqa: E402

GROUPS, CLIPS = 9, 2
EXPERIMENT = """
name = "tones"
[data]
corpora = ["tones"]
folds = 3
mixed_groups = true
validation_share = 0.4
only_folds = ["1"]
[features]
columns = 16
band_hz = 4000
[augment]
variants = ["clean", "telephone"]
gain_db = 6
time_mask = 2
row_mask = 4
mix = 0.2
[model]
encoder = [8, 8, 8]
head = "parallel_lmu"
units = 16
dropout = 0.1
[fit]
epochs = 30
batch_size = 6
learning_rate = 0.01
seeds = [0]
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Rising and falling tones of nine "speakers": their spectra over time, not their mean, tell them apart."""
    folder = tmp_path_factory.mktemp("tones")
    rows = [TABLE_COLUMNS]
    for group in range(GROUPS):
        rng = np.random.default_rng(group)
        for label in ("falling", "rising"):
            for number in range(CLIPS):
                t = np.arange(24000) / 16000
                octaves = (t / 1.5 if label == "rising" else 1 - t / 1.5) * 2
                phase = 2 * np.pi * np.cumsum(rng.uniform(300, 600) * 2**octaves) / 16000
                path = f"{group}_{label}_{number}.flac"
                soundfile.write(folder / path, 0.3 * np.sin(phase) + 0.003 * rng.standard_normal(len(t)), 16000)
                rows.append((path, "tones", label, "noncry", f"g{group}", 1 + group % 4, "CC0-1.0", "open"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def command(recordings, tmp_path_factory):
    """cry-train causes on the tones; returns its exit status."""
    work = tmp_path_factory.mktemp("work")

    def run(out, text=EXPERIMENT, data=recordings):
        config = work / "experiment.toml"
        config.write_text(text)
        return main(["causes", *map(str, ("--config", config, "--data", data, "--out", out, "--work", work / "cache"))])

    return run


@pytest.fixture(scope="module")
def done(command, tmp_path_factory):
    """The results folder of one whole experiment."""
    out = tmp_path_factory.mktemp("results") / "tones"
    assert command(out) == 0
    return out


def report(out):
    return json.loads((out / "report.json").read_text())


def test_it_learns_what_can_be_learnt(done):
    summary = report(done)["summary"]["macro_f1"]
    assert summary["mean"] > 0.8
    assert summary["mean"] > summary["null_95"]


def test_the_report_proves_that_no_group_is_divided(done, recordings):
    with (recordings / "metadata.csv").open() as file:
        groups = {row["group_id"] for row in csv.DictReader(file)}
    proof = report(done)["splits"][0]
    assert sum(part["groups"] for part in proof["parts"].values()) == len(groups)
    assert set(proof["shared_groups"].values()) == {0}
    with np.load(done / "folds" / "1-seed0" / "log_posteriors.npz") as judged:
        tested = sorted({"g" + clip.split("/")[1].split("_")[0] for clip in judged["test_clips"]})
    assert proof["parts"]["test"]["groups_sha256"] == hashlib.sha256("\n".join(tested).encode()).hexdigest()


def test_the_folder_holds_all_of_it(done):
    assert {path.name for path in done.iterdir()} == {
        "experiment.json", "report.json", "report.md", "curves.png", "confusion.png", "folds"
    }  # fmt: skip
    cell = done / "folds" / "1-seed0"
    assert {path.name for path in cell.iterdir()} == {
        "cause.keras", "model.json", "metrics.json", "log_posteriors.npz"
    }  # fmt: skip
    assert report(done)["versions"]["keras"] == keras.__version__
    assert (done / "curves.png").stat().st_size > 1000


def test_what_is_saved_is_what_was_judged(done, recordings):
    """From a recording, model.json and cause.keras alone to the log-posterior of the report."""
    cell = done / "folds" / "1-seed0"
    description = json.loads((cell / "model.json").read_text())
    model = keras.saving.load_model(cell / "cause.keras")
    band_hz, z = description["feature"]["band_hz"], description["normalisation"]
    with np.load(cell / "log_posteriors.npz") as judged:
        clip, expected = str(judged["test_clips"][0]), judged["test_log_posteriors"][0]
    samples, _ = soundfile.read(recordings / f"{clip.split('/')[1]}.flac", dtype="float32")
    config = FeatureConfig(columns=description["step"]["window_columns"], band_hz=band_hz)
    tensor = tensors_of(samples, len(samples), config)[0]
    x = (tensor.astype(np.float16)[:, z["rows"]] - z["mean"]) / z["deviation"]
    logits = keras.ops.convert_to_numpy(model(x[None, ..., None].astype(np.float32)))[0]
    np.testing.assert_allclose(logits - np.log(np.exp(logits).sum()), expected, atol=1e-3)


def test_the_temperature_is_the_one_fitted_on_the_validation_part(done):
    cell = done / "folds" / "1-seed0"
    with np.load(cell / "log_posteriors.npz") as judged:
        logits, truth = judged["validation_log_posteriors"].astype(float), judged["validation_truth"]

    def nll(temperature):
        scaled = logits / temperature
        return -(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)))[np.arange(len(truth)), truth].mean()

    temperature = json.loads((cell / "model.json").read_text())["temperature"]
    assert all(nll(temperature) <= nll(other) + 1e-6 for other in np.geomspace(0.05, 20, 200))
    assert report(done)["folds"][0]["temperature"] == temperature


def test_done_cells_are_not_done_again(done, command, monkeypatch):
    monkeypatch.setattr(experiment_room, "run_fold", None)  # would fail if it were called
    before = report(done)["summary"]
    assert command(done) == 0
    assert report(done)["summary"] == before


@pytest.mark.usefixtures("without_graphs")
def test_an_interrupted_training_resumes_where_it_was(command, tmp_path, monkeypatch):
    epochs = []
    train_epoch = fitting.train_epoch

    def interrupted(*arguments):
        if len(epochs) == 2:
            raise KeyboardInterrupt
        epochs.append(train_epoch(*arguments))
        return epochs[-1]

    short = EXPERIMENT.replace("epochs = 30", "epochs = 3")
    monkeypatch.setattr(fitting, "train_epoch", interrupted)
    assert command(tmp_path / "out", short) != 0
    monkeypatch.setattr(fitting, "train_epoch", train_epoch)
    assert command(tmp_path / "out", short) == 0
    curves = report(tmp_path / "out")["folds"][0]["curves"]
    assert len(curves) == 3 and [epoch["loss"] for epoch in curves[:2]] == epochs


def test_another_experiment_is_not_mixed_in(done, command, capsys):
    assert command(done, EXPERIMENT.replace("dropout = 0.1", "dropout = 0.2")) == 1
    assert "holds results of another experiment" in capsys.readouterr().err


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ('["tones"]', '["songs"]', "data.corpora has 'songs', "),
        ("folds = 3", 'folds = 3\nlabels = ["wavering"]', "'wavering', the chosen corpora have falling, rising"),
        ("folds = 3", 'folds = 3\nlabels = ["rising"]', "one class only (rising)"),
        ("folds = 3", "folds = 10", "10 folds are asked for, there are only 9 groups"),
        ("mixed_groups = true", "", "9 groups are in two labels or more: g0 (falling, rising)"),
        ('only_folds = ["1"]', 'only_folds = ["7"]', "data.only_folds has '7', there are 0, 1, 2"),
    ],
)
def test_what_cannot_be_trained_is_one_line(command, tmp_path, capsys, old, new, reason):
    assert command(tmp_path / "out", EXPERIMENT.replace(old, new)) == 1
    err = capsys.readouterr().err
    assert err.startswith("cry-train: error: ") and reason in err and err.count("\n") == 1


def test_missing_recordings_are_counted(recordings, command, tmp_path, capsys):
    (tmp_path / "metadata.csv").write_text((recordings / "metadata.csv").read_text())
    assert command(tmp_path / "out", data=tmp_path) == 1
    count = GROUPS * 2 * CLIPS
    assert f"{count} of {count} recordings of metadata.csv are missing" in capsys.readouterr().err


@pytest.mark.usefixtures("without_graphs")
def test_what_ships_is_a_cell_with_its_own_scores_and_answers_are_of_models_that_never_heard_the_group(
    command, recordings, tmp_path, capsys
):
    quick = EXPERIMENT.replace("folds = 3", "folds = 2").replace('only_folds = ["1"]\n', "")
    quick = quick.replace("epochs = 30", "epochs = 1")
    assert command(tmp_path / "results", quick) == 0
    config = tmp_path / "tones.toml"
    config.write_text(quick)
    release.write_expert(tmp_path / "results", tmp_path / "shipped")
    description = json.loads((tmp_path / "shipped" / "model.json").read_text())
    scores = json.loads((tmp_path / "results" / "folds" / "0-seed0" / "metrics.json").read_text())
    assert description["name"] == "shipped" and (tmp_path / "shipped" / "model.keras").is_file()
    assert description["metrics"]["test"]["nll"] == pytest.approx(scores["test_calibrated"]["nll"], abs=1e-4)

    answers = {answer.clip.clip_id: answer for answer in release.answers({config: tmp_path / "results"}, recordings, 0)}
    assert len(answers) == GROUPS * CLIPS * 2
    for fold in ("0", "1"):
        cell = tmp_path / "results" / "folds" / f"{fold}-seed0"
        temperature = json.loads((cell / "model.json").read_text())["temperature"]
        with np.load(cell / "log_posteriors.npz") as judged:
            for clip, values in zip(judged["test_clips"], judged["test_log_posteriors"], strict=True):
                expected = np.exp(values / temperature) / np.exp(values / temperature).sum()
                np.testing.assert_allclose(answers[str(clip)].posterior, expected, atol=0.01)
    confidence, correct = release.one_per_group(answers.values())
    assert len(confidence) == len(correct) == GROUPS
    with pytest.raises(UserError, match="run cry-train causes"):
        release.write_expert(tmp_path / "nothing", tmp_path / "shipped")
