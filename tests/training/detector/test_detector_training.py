"""The shipped detector's training, tiny: it learns, is cut at any round, resumes to the same weights, and exports."""

import csv
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("sklearn")
soundfile = pytest.importorskip("soundfile")

from edge.bundle import load_bundle  # noqa: E402
from edge.frames import FRAME_COLUMNS, SAMPLE_RATE  # noqa: E402
from edge.synthesis import alarm, babble, door, fan, infant_cry  # noqa: E402
from training.command import main  # noqa: E402
from training.data import corpora  # noqa: E402
from training.data.corpora import CRY, NONCRY, Clip  # noqa: E402
from training.data.spectra import normalise  # noqa: E402
from training.detector import command as detector_command  # noqa: E402
from training.detector import fitting, material  # noqa: E402
from training.detector.config import Schedule  # noqa: E402
from training.detector.fitting import train_detector  # noqa: E402
from training.detector.material import VARIANTS, Bank  # noqa: E402
from training.detector.release import CALIBRATION_DATA, HeldOut, bank_of  # noqa: E402
from training.layers.fused import FusedBatchNormalization  # noqa: E402
from training.layers.yamnet import N_CLASSES  # noqa: E402

pytestmark = pytest.mark.usefixtures("whole_module_without_graphs")
COLUMNS = 150
SECONDS = 1.3
CLIPS = 12
BANDS = {CRY: (24, 44), NONCRY: (2, 14)}  # where a kind has its energy
TINY = Schedule(rounds=3, steps_per_round=1, batch_size=8, learning_rate=5e-3, ema_momentum=0.5)
COLUMN_NAMES = ("path", "set", "label", "detector_label", "group_id", "eval_fold", "licence", "licence_class")


@pytest.fixture(scope="module", autouse=True)
def settled_at_once():
    """Moments of normalisation that settle within the few steps of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "FusedBatchNormalization", partial(FusedBatchNormalization, momentum=0.7))
        yield


def bank(teacher=False):
    """Clips whose kind is told by where their energy is; the teacher's first class says it too."""
    rng = np.random.default_rng(0)
    kinds = [kind for kind in BANDS for _ in range(CLIPS)]
    clips = [Clip(Path(f"{i}"), "esc50", kind, kind, f"{i}", 1, "CC0-1.0", "open") for i, kind in enumerate(kinds)]
    energies = rng.normal(-8, 0.5, (len(clips), COLUMNS, 64))
    for own, kind in zip(energies, kinds, strict=True):
        first, last = BANDS[kind]
        own[:, first:last] += 6
    columns = energies.reshape(-1, 64).astype(np.float16)
    scores, windows = None, np.ones(len(clips), int)
    if teacher:
        scores = np.full((len(clips), N_CLASSES), 0.01, np.float16)
        scores[:, 0] = [0.9 if kind == CRY else 0.05 for kind in kinds]
    return Bank(clips, dict.fromkeys(VARIANTS, columns), COLUMNS * np.arange(len(clips)),
                np.full(len(clips), COLUMNS), scores, np.arange(len(clips)), windows)  # fmt: skip


def probabilities(model, kind):
    """The detector's p(cry) of one frame of each clip of a kind."""
    made = bank()
    starts = [first for clip, first in zip(made.clips, made.first_column, strict=True) if clip.detector_label == kind]
    frames = np.stack([made.log_energies["clean"][first : first + FRAME_COLUMNS] for first in starts])
    logits = model.predict(normalise(frames.astype(np.float32))[..., None], verbose=0)[:, 0]
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("teacher", [False, True], ids=["by labels", "with a teacher"])
def test_it_learns_what_can_be_learnt(teacher, tmp_path):
    schedule = replace(TINY, rounds=2, steps_per_round=10, batch_size=16)
    model = train_detector(bank(teacher), schedule, tmp_path)
    assert probabilities(model, CRY).min() > probabilities(model, NONCRY).max()
    assert list(model.output.shape) == [None, 1]  # without the teacher's head


def weights_of(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def test_cut_after_any_round_it_goes_on_with_the_next_and_learns_the_same(tmp_path, monkeypatch, capsys):
    whole = weights_of(train_detector(bank(), TINY, tmp_path / "whole"))
    assert "resuming" not in capsys.readouterr().out
    train_round = fitting.train_round
    for cut in (1, 2):
        done = []

        def interrupted(model, sampler, schedule, number, cut=cut, done=done):
            if number == cut and "cut" not in done:
                done.append("cut")
                raise KeyboardInterrupt
            done.append(number)
            train_round(model, sampler, schedule, number)

        monkeypatch.setattr(fitting, "train_round", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_detector(bank(), TINY, tmp_path / str(cut))
        resumed = train_detector(bank(), TINY, tmp_path / str(cut))
        assert [step for step in done if step != "cut"] == [0, 1, 2]
        assert f"resuming after round {cut} of 3" in capsys.readouterr().out
        # What is drawn is the same; dropout alone draws anew after a cut.
        assert np.abs(weights_of(resumed) - whole).max() < 0.2 * np.abs(whole).max()
        monkeypatch.setattr(fitting, "train_round", train_round)


def test_another_schedule_starts_anew(tmp_path, capsys):
    train_detector(bank(), replace(TINY, rounds=1), tmp_path)
    train_detector(bank(), replace(TINY, rounds=1, batch_size=9), tmp_path)
    assert "resuming" not in capsys.readouterr().out


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """`cry-train detector` from recordings to model.json, on few made-up clips: (exit status, out)."""
    folder, rng, rows = tmp_path_factory.mktemp("recordings"), np.random.default_rng(1), []
    for number, other in enumerate((alarm, door, fan, babble)):
        for kind, samples in ((CRY, infant_cry(SECONDS, rng).samples), (NONCRY, other(SECONDS, rng))):
            name = f"{kind}{number}.flac"
            soundfile.write(folder / name, samples, SAMPLE_RATE)
            rows.append((name, "esc50", kind, kind, f"{kind}{number}", 1 + number, "CC0-1.0", "open"))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMN_NAMES, *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpora, "SYNTHETIC_CLIPS", {CRY: 1, "fan": 1})
        patch.setattr(corpora, "SYNTHETIC_S", SECONDS)
        patch.setattr(material, "WORKERS", 1)
        schedule = replace(TINY, steps_per_round=16, batch_size=16)
        patch.setattr(detector_command, "Schedule", lambda **given: replace(schedule, **given))
        flags = ["--data", str(folder), "--work", str(folder / "work"), "--out", str(folder / "detector")]
        status = main(["detector", *flags, "--rounds", "1", "--fold", "4"])
    return status, folder / "detector"


def test_the_command_writes_a_model_that_says_what_it_learnt_from(trained):
    status, out = trained
    assert status == 0
    description = json.loads((out / "model.json").read_text())
    assert description["role"] == "detector" and description["training"]["held_out_fold"] == 4
    assert description["training"]["corpora"]["esc50"] == {"clips": 6, "licences": ["CC0-1.0"]}
    assert description["training"]["multiply_adds"] < 10e6 and description["training"]["teacher"] is None
    model = keras.saving.load_model(out / "detector.keras")
    assert model.count_params() == description["training"]["parameters"] < 100_000


def test_what_is_trained_is_exported_and_read_by_the_device(trained, tmp_path):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("tf2onnx")
    from export.command import main as export

    bundle = tmp_path / "bundle"
    assert export(["--target", "rpi-fp32", "--model", str(trained[1]), "--out", str(bundle)]) == 0
    model = keras.saving.load_model(trained[1] / "detector.keras")
    with np.load(CALIBRATION_DATA) as stored:
        log_mel = stored["parity"][:8].astype(np.float32)
    expected = 1 / (1 + np.exp(-model.predict(normalise(log_mel)[..., None], verbose=0)[:, 0]))
    detector = load_bundle(str(bundle)).detector
    np.testing.assert_allclose([detector.probability(frame) for frame in log_mel], expected, atol=1e-4)


def test_folds_and_whole_corpora_are_held_out_together():
    held_out = HeldOut(1, ("esc50", "ravdess_sub"))
    heard = [(corpus, fold) for corpus in ("esc50", "ravdess_sub", "donateacry") for fold in (1, 2)]
    clips = [Clip(Path("0"), corpus, CRY, CRY, "0", fold, "CC0-1.0", "open") for corpus, fold in heard]
    assert [held_out.may_hear(clip) for clip in clips] == [False, False, False, False, False, True]
    assert held_out.name == "without-fold1-esc50-ravdess_sub" and HeldOut().name == "all"


def test_clips_that_are_coded_side_by_side_fit_in_memory_whatever_their_lengths(monkeypatch):
    monkeypatch.setattr(material, "ADPCM_SAMPLES_AT_ONCE", 100)
    lengths = [20, 90, 10, 30, 150, 20, 20]
    parts = material.alike_in_length(lengths)
    assert sorted(sum(parts, [])) == list(range(len(lengths)))
    padded = [len(part) * max(lengths[i] for i in part) for part in parts]
    assert all(samples <= 100 or len(part) == 1 for samples, part in zip(padded, parts, strict=True))
    assert len(parts) == 4


def test_what_is_kept_of_a_corpus_serves_every_training_and_one_that_is_held_out_is_not_even_read(trained, monkeypatch):
    folder = trained[1].parent
    cries = [clip for clip in corpora.read_corpora(folder) if clip.detector_label == CRY]
    voices = [replace(clip, corpus="voices") for clip in cries[:2]]
    unreadable = replace(cries[0], corpus="gone", path=Path("no such file"))
    clips, work = [*cries, *voices, unreadable], folder / "kept"
    monkeypatch.setattr(material, "WORKERS", 1)
    both = bank_of(clips, HeldOut(corpora=("gone",)), work, None, 0)
    kept = {file.name: file.stat().st_mtime_ns for file in work.iterdir()}
    alone = bank_of(clips, HeldOut(corpora=("gone", "esc50")), work, None, 0)
    assert kept == {file.name: file.stat().st_mtime_ns for file in work.iterdir()}
    assert {clip.corpus for clip in both.clips} == {"esc50", "voices"} and {c.corpus for c in alone.clips} == {"voices"}
    later = [number for number, clip in enumerate(both.clips) if clip.corpus == "voices"]
    assert [both.clips[number] for number in later] == alone.clips
    for number, place in enumerate(later):
        for variant in VARIANTS:
            np.testing.assert_array_equal(columns_of(both, variant, place), columns_of(alone, variant, number))


def columns_of(made, variant, number):
    first = made.first_column[number]
    return made.log_energies[variant][first : first + made.n_columns[number]]
