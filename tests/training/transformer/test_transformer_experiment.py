"""cry-train transformer promises a folder with all of it, models that ship from it, and errors for people."""

import csv
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")
pytest.importorskip("matplotlib")
pytest.importorskip("tomllib")
pytest.importorskip("sklearn")

from edge.errors import UserError  # noqa: E402
from export.sources.description import read_description  # noqa: E402
from training.command import main  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402
from training.transformer import experiment as experiment_room  # noqa: E402
from training.transformer import release  # noqa: E402

pytestmark = pytest.mark.usefixtures("whole_module_without_graphs")
GROUPS = 8
EXPERIMENT = """
name = "tones"
[data]
corpora = ["tones"]
folds = 2
mixed_groups = true
only_folds = ["0"]
[outliers]
corpora = ["sounds"]
labels = ["click"]
[noise]
corpora = ["sounds"]
labels = ["hiss"]
[model]
preset = "tiny"
[fit]
frames_per_epoch = 8
batch_size = 8
validation_frames = 1
[[fit.stages]]
kind = "denoiser"
epochs = 1
[[fit.stages]]
kind = "joint"
epochs = 1
"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Low and high tones, clicks and hiss of eight groups each."""
    folder = tmp_path_factory.mktemp("tones")
    rng, t = np.random.default_rng(0), np.arange(16000) / 16000
    made = {
        "low": lambda: 0.3 * np.sin(2 * np.pi * rng.uniform(300, 400) * t),
        "high": lambda: 0.3 * np.sin(2 * np.pi * rng.uniform(2000, 3000) * t),
        "click": lambda: 0.9 * (np.arange(16000) % rng.integers(1000, 3000) == 0),
        "hiss": lambda: 0.1 * rng.standard_normal(16000),
    }
    rows = [COLUMNS]
    for group in range(GROUPS):
        for label, make in made.items():
            path, corpus = f"{label}_{group}.flac", "tones" if label in ("low", "high") else "sounds"
            soundfile.write(folder / path, make() + 0.003 * rng.standard_normal(16000), 16000)
            rows.append((path, corpus, label, "noncry", f"{corpus}{group}", 1 + group % 4, "CC0-1.0", "open"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def command(recordings, tmp_path_factory):
    """cry-train transformer on the tones; returns its exit status."""
    work = tmp_path_factory.mktemp("work")

    def run(out, text=EXPERIMENT, data=recordings):
        config = work / "experiment.toml"
        config.write_text(text)
        options = ("--config", config, "--data", data, "--out", out, "--work", work / "cache")
        return main(["transformer", *map(str, options)])

    return run


@pytest.fixture(scope="module")
def done(command, tmp_path_factory):
    """The results folder of one whole experiment."""
    out = tmp_path_factory.mktemp("results") / "tones"
    assert command(out) == 0
    return out


def test_the_folder_holds_all_of_it(done):
    assert {path.name for path in done.iterdir()} == {
        "experiment.json", "report.json", "report.md", "curves.png", "confusion.png", "folds"
    }  # fmt: skip
    assert {path.name for path in (done / "folds" / "0-seed0").iterdir()} == {
        "denoiser.keras", "transformer.keras", "trained.json", "model.json", "metrics.json", "log_posteriors.npz"
    }  # fmt: skip
    report = json.loads((done / "report.json").read_text())
    assert report["versions"]["keras"] == keras.__version__
    assert set(report["unknown"]) == {"as_recorded", "below_3400_hz"}
    assert set(report["unknown"]["as_recorded"]) == {"auroc", "fpr_95", "known_above", "outliers_above"}
    assert [epoch["stage"] for epoch in report["folds"][0]["denoising_curves"]] == ["denoiser"]
    assert "Unknown sounds" in (done / "report.md").read_text()


def test_the_report_proves_that_no_group_is_divided(done):
    proof = json.loads((done / "report.json").read_text())["splits"][0]
    assert sum(part["groups"] for part in proof["parts"].values()) == 2 * GROUPS
    assert set(proof["shared_groups"].values()) == {0}


def test_what_ships_is_the_cell_as_edge_export_reads_it(done, tmp_path):
    release.write_release(done, tmp_path)
    expert, denoiser = (read_description(tmp_path / name / "model.json") for name in ("transformer", "denoiser"))
    assert (expert["role"], expert["denoised"], expert["labels"]) == ("expert", True, ["high", "low"])
    assert denoiser["role"] == "denoiser" and denoiser["normalisation"] == expert["normalisation"]
    assert set(denoiser["metrics"]["test"]["log_spectral_distance_db"]) == {"noisy", "denoised"}
    assert expert["metrics"]["unknown"]["below_3400_hz"]["outlier_clips"] == GROUPS // 2
    x = np.zeros((1, 98, 64, 1), np.float32)
    shapes = [keras.saving.load_model(tmp_path / name / "model.keras")(x).shape for name in ("transformer", "denoiser")]
    assert shapes == [(1, 2), x.shape]
    with pytest.raises(UserError, match="run cry-train transformer"):
        release.write_release(tmp_path / "nothing", tmp_path)


def test_done_cells_are_not_done_again(done, command, monkeypatch):
    monkeypatch.setattr(experiment_room, "run_fold", None)  # would fail if it were called
    assert command(done) == 0


def test_another_experiment_is_not_mixed_in(done, command, capsys):
    assert command(done, EXPERIMENT.replace("epochs = 1", "epochs = 2", 1)) == 1
    assert "holds results of another experiment" in capsys.readouterr().err


@pytest.mark.parametrize(
    "old, new, reason",
    [
        ('["tones"]', '["songs"]', "data.corpora has 'songs', "),
        (
            'labels = ["click"]',
            'labels = ["clack"]',
            "outliers.labels has 'clack', the chosen corpora have click, hiss",
        ),
        ("folds = 2", 'folds = 2\nlabels = ["low"]', "one class only (low)"),
        ('labels = ["hiss"]', 'labels = ["hiss"]\nexcept_labels = ["hiss"]', "[noise] selects no clips"),
        ('preset = "tiny"', 'preset = "giant"', "unknown preset 'giant'"),
        ('kind = "joint"', 'kind = "both"', "fit.stages.kind is 'both'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(command, tmp_path, capsys, old, new, reason):
    assert command(tmp_path / "out", EXPERIMENT.replace(old, new)) == 1
    err = capsys.readouterr().err
    assert err.startswith("cry-train: error: ") and reason in err and err.count("\n") == 1


def test_missing_recordings_are_counted(recordings, command, tmp_path, capsys):
    (tmp_path / "metadata.csv").write_text((recordings / "metadata.csv").read_text())
    assert command(tmp_path / "out", data=tmp_path) == 1
    assert f"{2 * GROUPS} of {2 * GROUPS} recordings of metadata.csv are missing" in capsys.readouterr().err
