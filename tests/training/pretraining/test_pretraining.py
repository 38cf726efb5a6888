"""Pretraining promises the published loss, networks that go on from one another, and new heads that learn first."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")

from training.command import main  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402
from training.data.log_mel_frames import Frames  # noqa: E402
from training.layers.res8 import build_res8  # noqa: E402
from training.pretraining import supervised  # noqa: E402
from training.pretraining.contrast import Contrast, NTXent  # noqa: E402
from training.pretraining.settings import Settings  # noqa: E402

numpy = keras.ops.convert_to_numpy
QUICK = Settings(epochs=1, frames_per_epoch=32, batch_size=16, head_epochs=1)


def test_nt_xent_of_two_orthonormal_pairs_is_the_known_value():
    z = np.float32([[3, 0], [0, 1], [2, 0], [0, 5]])
    assert float(NTXent(0.5)(np.zeros(4), z)) == pytest.approx(0.23954477, abs=1e-6)


def test_nt_xent_is_its_formula():
    z = np.random.default_rng(0).normal(size=(10, 4))
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    score = np.exp(unit @ unit.T / 0.2)
    losses = [-np.log(score[i, (i + 5) % 10] / (score[i].sum() - score[i, i])) for i in range(10)]
    assert float(NTXent(0.2)(np.zeros(10), z.astype(np.float32))) == pytest.approx(np.mean(losses), rel=1e-5)


def frames():
    rng = np.random.default_rng(1)
    return Frames(rng.normal(-5, 2, (24, 24, 16)).astype(np.float32), np.repeat(np.arange(8), 3))


def test_two_views_are_of_the_same_seconds_and_differ():
    stage = Contrast(frames(), np.arange(8), QUICK)
    rng = np.random.default_rng(0)
    x, _ = stage.batch(stage.clips(rng)[:8], rng)
    one, other = x[:8, ..., 0], x[8:, ..., 0]
    assert x.shape == (16, 24, 16, 1) and np.isfinite(x).all() and not np.allclose(one, other)
    assert len(set(stage.clips(rng)[:8].tolist())) == 8  # no clip is its own opposite


@pytest.mark.parametrize("share_of_rate", [1.0, 0.1])
def test_a_new_head_learns_alone_first_and_everything_afterwards(share_of_rate, tmp_path, without_graphs, monkeypatch):
    start = build_res8("res8-narrow", (24, 16), 5)
    seen = []
    run = supervised.run_stage

    def watched(stage, effort, folder):
        frozen = [not layer.trainable for layer in stage.model.layers if layer.weights]
        before = stage.model.get_layer("conv_3").get_weights()[0].copy()
        curves = run(stage, effort, folder)
        moved = not np.allclose(before, stage.model.get_layer("conv_3").get_weights()[0])
        seen.append((sum(frozen), moved, effort.learning_rate))
        return curves

    monkeypatch.setattr(supervised, "run_stage", watched)
    settings = replace(QUICK, fine_tuning=share_of_rate)
    truth = np.arange(8) % 3
    model = supervised.learn_labels(frames(), np.arange(8), truth, 3, settings, tmp_path, start)
    assert model.output.shape == (None, 3)
    assert [(count > 0, moved) for count, moved, _ in seen] == [(True, False), (False, True)]
    assert seen[1][2] == pytest.approx(seen[0][2] * share_of_rate)


@pytest.mark.parametrize("share, expected", [(1.0, 20), (0.3, 6), (0.1, 2), (0.01, 2)])
def test_a_share_of_the_labels_has_each_label(share, expected):
    truth = np.repeat([0, 1], 10)
    chosen = supervised.few_labels(np.arange(20), truth, share, 0)
    assert len(chosen) == expected and set(truth[chosen]) == {0, 1}
    np.testing.assert_array_equal(chosen, supervised.few_labels(np.arange(20), truth, share, 0))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    rows, t = [COLUMNS], np.arange(16000) / 16000
    for number in range(12):
        path = f"{number}.flac"
        soundfile.write(folder / path, 0.2 * np.sin(2 * np.pi * (400, 1800)[number % 2] * t * (1 + number / 99)), 16000)
        rows.append((path, "tones", ("low", "high")[number % 2], "noncry", f"g{number}", 1 + number // 2 % 4,
                     "CC0-1.0", "open"))  # fmt: skip
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def command(recordings, out, *more):
    return main(["pretrain", "--data", str(recordings), "--corpus", "tones", "--out", str(out), "--epochs", "1", *more])


def test_without_labels_and_then_with_labels(recordings, tmp_path, without_graphs, monkeypatch):
    init = Settings.__init__
    monkeypatch.setattr(
        Settings, "__init__", lambda self, **given: init(self, **{**given, "frames_per_epoch": 32, "head_epochs": 1})
    )
    assert command(recordings, tmp_path / "a") == 0
    start = str(tmp_path / "a" / "pretrained.keras")
    assert command(recordings, tmp_path / "b", "--method", "labels", "--start", start, "--without-fold", "2") == 0
    report = json.loads((tmp_path / "b" / "report.json").read_text())
    assert report["labels"] == ["high", "low"] and 0 <= report["test"]["macro_f1"] <= 1
    assert report["corpora"]["tones"]["clips"] == 8


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--epochs", "0"], "--epochs is 0"),
        (["--share", "0"], "--share is 0.0, it must be above 0"),
        (["--start", "nowhere.keras"], "nowhere.keras is no res8 or res8-narrow of cry-train pretrain"),
    ],
)
def test_bad_input_is_one_line(recordings, tmp_path, capsys, flags, says):
    assert command(recordings, tmp_path / "out", *flags) == 1
    assert says in capsys.readouterr().err.splitlines()[-1]
