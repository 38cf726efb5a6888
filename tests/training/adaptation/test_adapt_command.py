"""cry-train adapt promises: every method on the same undivided groups, a model fitted to a night, errors in a line."""

import csv
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")

from training.adaptation.domains import of_platforms, shifted  # noqa: E402
from training.command import main  # noqa: E402
from training.data.corpora import read_corpora  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402

METHODS = ("source_only", "hafn", "safn", "entropy", "dann", "adabn", "target_noise")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """High and low tones of eight speakers, half of them recorded by each of two phones; one label is of one phone."""
    folder = tmp_path_factory.mktemp("tones")
    rows = [(*COLUMNS, "platform")]
    t = np.arange(16000) / 16000
    for group in range(8):
        rng = np.random.default_rng(group)
        for label, hz in (("low", 400), ("high", 1500), *([("odd", 900)] if group == 0 else [])):
            path = f"{group}_{label}.flac"
            tone = np.sin(2 * np.pi * hz * rng.uniform(0.9, 1.1) * t) * 0.2
            soundfile.write(folder / path, tone + 0.01 * rng.standard_normal(len(t)), 16000)
            phone = ("android", "ios")[group % 2]
            rows.append((path, "tones", label, "noncry", f"g{group}", 1, "CC0-1.0", "open", phone))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def command(recordings, out, *more):
    return main(["adapt", "--data", str(recordings), "--corpus", "tones", "--out", str(out), "--epochs", "1", *more])


def test_every_method_is_judged_on_the_same_groups(recordings, tmp_path, without_graphs, monkeypatch):
    from training.adaptation import stage

    monkeypatch.setattr(stage.Settings, "__init__", small(stage.Settings.__init__))
    assert command(recordings, tmp_path, "--label", "low", "--label", "high", "--shift", "noise_0_db") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert sorted(own["method"] for own in report) == sorted(METHODS)
    assert all(0 <= own[domain]["macro_f1"] <= 1 for own in report for domain in ("source", "target"))
    assert all(own["curves"][0]["target_norm"] > 0 for own in report)
    by_name = {own["method"]: own for own in report}
    assert by_name["adabn"]["source"] == by_name["source_only"]["source"]  # moments are the source's own there
    assert by_name["hafn"]["source"] == by_name["hafn"]["source_afterwards"]


def small(init):
    def changed(self, **given):
        init(self, **{**given, "frames_per_epoch": 64, "batch_size": 32})

    return changed


def test_no_group_is_in_two_parts_and_labels_of_the_target_are_not_learnt_from(recordings):
    clips = [clip for clip in read_corpora(recordings) if clip.label != "odd"]
    domains = shifted(clips, "telephone", 0)
    parts = [domains.known, domains.unlabelled, domains.judged_target]
    groups = [{clips[i].group_id for i in part} for part in parts]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 8
    phones = of_platforms(clips, "android", "ios", 0)
    assert {clips[i].platform for i in phones.known} == {"android"}
    assert {clips[i].platform for i in phones.unlabelled} == {"ios"}


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--source", "android", "--target", "ios"], "android and ios have different labels: odd in one alone"),
        (["--source", "android", "--target", "nokia"], "no clip is of platform 'nokia', there are android, ios"),
        (["--shift", "underwater"], "shift is 'underwater', it must be one of edges"),
        ([], "name two platforms with --source and --target, or a --shift"),
        (["--shift", "room", "--method", "coral"], "method is 'coral', it must be one of adabn"),
        (["--shift", "room", "--label", "low"], "one label only (low)"),
        (["--shift", "room", "--epochs", "0"], "--epochs is 0"),
    ],
)
def test_bad_input_is_one_line(recordings, tmp_path, capsys, flags, says):
    assert command(recordings, tmp_path / "out", *flags) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert says in error and error.startswith("cry-train: error:")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A small detector as cry-train writes one, and ten minutes of a home."""
    folder = tmp_path_factory.mktemp("home")
    keras.utils.set_random_seed(3)
    frame = keras.Input((98, 64, 1))
    x = keras.layers.Conv2D(4, 5, strides=8)(frame)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization(name="norm")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    (folder / "model").mkdir()
    keras.Model(frame, keras.layers.Dense(1)(x)).save(folder / "model" / "model.keras")
    described = {"name": "small", "labels": ["cry"], "feature": "log_mel", "metrics": {"auc": 0.9}}
    (folder / "model" / "model.json").write_text(json.dumps(described))
    rng = np.random.default_rng(0)
    soundfile.write(folder / "night.flac", 0.01 * rng.standard_normal(601 * 16000), 16000)
    soundfile.write(folder / "short.flac", 0.01 * rng.standard_normal(3 * 16000), 16000)
    return folder


def test_a_night_and_its_sums_make_the_same_model(home, tmp_path):
    night = ["adapt", "--model", str(home / "model"), "--from-night"]
    sums = tmp_path / "night.json"
    assert main([*night, str(home / "night.flac"), "--sums", str(sums), "--out", str(tmp_path / "a")]) == 0
    assert sums.stat().st_size <= 100_000
    assert main([*night, str(sums), "--out", str(tmp_path / "b")]) == 0
    a, b = (keras.saving.load_model(tmp_path / name / "model.keras") for name in "ab")
    before = keras.saving.load_model(home / "model" / "model.keras")
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    own, mixed = (model.get_layer("norm").moving_mean.numpy() for model in (before, a))
    heard = json.loads(sums.read_text())["channels"]["norm"]
    np.testing.assert_allclose(mixed, 0.9 * own + 0.1 * np.array(heard["sum"]), rtol=1e-4, atol=1e-6)
    variance = np.array(heard["sum_of_squares"]) - np.array(heard["sum"]) ** 2
    between = 0.9 * 0.1 * (own - np.array(heard["sum"])) ** 2
    found = a.get_layer("norm").moving_variance.numpy()
    np.testing.assert_allclose(found, 0.9 * 1 + 0.1 * variance + between, rtol=1e-3)
    described = json.loads((tmp_path / "a" / "model.json").read_text())
    assert described["training"]["adaptation"]["method"] == "adabn" and "metrics" not in described


def test_a_model_learns_to_say_over_a_background_what_it_said_without(home, recordings, tmp_path, without_graphs):
    from training.adaptation.background import Background
    from training.adaptation.night_noise import NightNoise, over_background
    from training.data.log_mel_frames import frames_of
    from training.runs.stage import Effort, run_stage

    model = keras.saving.load_model(home / "model" / "model.keras")
    frames = frames_of(read_corpora(recordings))
    background = Background.of_columns(np.random.default_rng(0).normal(-3, 1, (500, 64)))
    stage = NightNoise(model, frames, background, n=64)
    noisy = over_background(frames.log_mel, background, np.random.default_rng(5))[..., None]

    def error():
        return float(np.mean((np.asarray(stage.model(noisy)) - stage.said) ** 2))

    before = error()
    run_stage(stage, Effort(6, 6, 1e-2, 0.0, 16, (0,)), tmp_path)
    assert error() < 0.7 * before
    np.testing.assert_array_equal(model.get_weights()[0], keras.saving.load_model(
        home / "model" / "model.keras").get_weights()[0])  # fmt: skip


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--method", "target_noise"], "learns on recordings: name their folder with --data"),
        (["--share", "1.5"], "--share is 1.5, it must be above 0 and at most 1"),
        (["--method", "dann"], "--method is dann: a night fits a model by adabn or target_noise"),
    ],
)
def test_a_night_takes_two_methods(home, tmp_path, capsys, flags, says):
    out = tmp_path / "out"
    night = ["adapt", "--model", str(home / "model"), "--from-night", str(home / "night.flac"), "--out", str(out)]
    assert main([*night, *flags]) == 1
    assert says in capsys.readouterr().err and not out.exists()


@pytest.mark.parametrize(
    "change, says",
    [
        ({"seconds": 3.0}, "is 3 s long, a night of at least 600 s is needed"),
        ({"feature": "fused"}, "is of the feature 'fused', log_mel is needed"),
        ({"n_mels": 128}, "is of 128 bands of log-mel, the model hears 64"),
        ({"channels": {}}, "holds sums of another model"),
        ({"bands": {}}, "holds no sums of a night"),
    ],
)
def test_sums_that_do_not_fit_are_refused(home, tmp_path, capsys, change, says):
    mean = {"count": 1, "sum": [0.0] * 4, "sum_of_squares": [1.0] * 4}
    table = {"feature": "log_mel", "n_mels": 64, "seconds": 700.0, "channels": {"norm": mean},
             "bands": {"count": 9, "sum": [0.0] * 64, "sum_of_squares": [9.0] * 64}}  # fmt: skip
    (tmp_path / "night.json").write_text(json.dumps({**table, **change}))
    assert main(["adapt", "--model", str(home / "model"), "--from-night", str(tmp_path / "night.json"),
                 "--out", str(tmp_path / "out")]) == 1  # fmt: skip
    assert says in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_night_that_is_too_short_is_refused(home, tmp_path, capsys):
    night = ["adapt", "--model", str(home / "model"), "--from-night", str(home / "short.flac")]
    assert main([*night, "--out", str(tmp_path / "out")]) == 1
    assert "is 3 s long" in capsys.readouterr().err
    assert main(night) == 1 and "needs --model, and --out" in capsys.readouterr().err
