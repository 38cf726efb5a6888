"""Calibration data: what ships keeps its promises, and drawing it again from recordings keeps them too."""

import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from training.command import main
from training.data import calibration_data
from training.data.calibration_data import CONDITIONS, FRAMES, PATCHES, VOICES, write_calibration_data

SHIPPED = Path(__file__).resolve().parents[3] / "calibration_data"
CLIPS = {"donateacry": ("hungry", "cry", 40), "esc50": ("dog", "noncry", 40)}


def parts_of(folder, drawing=FRAMES):
    """(manifest, arrays) of a calibration directory."""
    with np.load(folder / drawing.tensors) as stored:
        return json.loads((folder / drawing.manifest).read_text()), dict(stored)


def check_promises(folder, per_cell, drawing=FRAMES):
    """Hash, features, no shared group, as many tensors in every cell."""
    manifest, arrays = parts_of(folder, drawing)
    assert manifest["sha256"] == hashlib.sha256((folder / drawing.tensors).read_bytes()).hexdigest()
    assert manifest["feature"] == {"name": drawing.feature, "parameters": drawing.parameters}
    columns, offset = drawing.parameters["frame_columns"], drawing.parameters["log_offset"]
    groups = {}
    for part, sources in manifest["sources"].items():
        cells = Counter((source["label"], source["condition"]) for source in sources)
        assert cells == {(label, condition): per_cell[part] for label in ("cry", "noncry") for condition in CONDITIONS}
        assert arrays[part].shape == (len(sources), columns, 64) and arrays[part].dtype == np.float16
        assert np.isfinite(arrays[part]).all() and arrays[part].min() >= np.log(offset) - 0.05
        assert [source["label"] == "cry" for source in sources] == list(arrays[f"y_{part}"])
        for source in sources:
            assert groups.setdefault(source["group"], part) == part
            assert source["licence"] in manifest["licences"]
    assert set(manifest["sources"]) == set(per_cell)
    return manifest


def test_what_ships_is_balanced_divided_by_group_and_small():
    for drawing in (FRAMES, PATCHES):
        manifest = check_promises(SHIPPED, drawing.parts, drawing)
        assert manifest["command"] == "cry-train calibration --data DIR --seed 0"
    assert sum(path.stat().st_size for path in SHIPPED.iterdir() if path.is_file()) <= 8_000_000


@pytest.mark.parametrize("drawing", [FRAMES, PATCHES], ids=lambda drawing: drawing.tensors)
def test_what_ships_is_not_audio_and_comes_from_no_corpus_of_voices(drawing):
    manifest, arrays = parts_of(SHIPPED, drawing)
    assert {name.removeprefix("y_") for name in arrays} == set(drawing.parts)
    corpora = {source["clip"].split("/")[0] for rows in manifest["sources"].values() for source in rows}
    assert corpora == {"donateacry", "esc50"} and "laughing" in VOICES


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """A data folder of 80 short recordings of noise, two per group, and small parts to draw."""
    soundfile = pytest.importorskip("soundfile")
    for drawing, parts in (
        (FRAMES, {"quantise": 2, "temperature": 1, "parity": 3}),
        (PATCHES, {"quantise": 1, "parity": 2}),
    ):
        for part, n in parts.items():
            monkeypatch.setitem(drawing.parts, part, n)
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    rows = []
    for corpus, (label, detector_label, n) in CLIPS.items():
        (folder / corpus).mkdir(parents=True)
        for i in range(n):
            path = f"{corpus}/{label}_{i}.wav"
            samples = rng.normal(0, 0.1, 24000)
            samples[8000:] *= 1e-3  # one loud half second
            soundfile.write(folder / path, samples[: 8000 if i % 5 == 0 else None], 16000)  # some shorter than a frame
            rows.append([path, corpus, label, detector_label, f"{corpus}_{i // 2}", 1, "CC0-1.0", "open"])
    rows.append(["esc50/absent.wav", "esc50", "laughing", "noncry", "esc50_x", 1, "CC0-1.0", "open"])
    with (folder / "metadata.csv").open("w", newline="") as file:
        header = ["path", "set", "label", "detector_label", "group_id", "eval_fold", "licence", "licence_class"]
        csv.writer(file).writerows([header, *rows])
    return folder


def test_drawing_again_keeps_the_promises_and_the_seed_decides(recordings, tmp_path, capsys):
    assert main(["calibration", "--data", str(recordings), "--out", str(tmp_path / "first"), "--seed", "3"]) == 0
    manifest = check_promises(tmp_path / "first", {"quantise": 2, "temperature": 1, "parity": 3})
    check_promises(tmp_path / "first", {"quantise": 1, "parity": 2}, PATCHES)
    assert manifest["seed"] == 3 and "laughing" not in json.dumps(manifest)
    noises = {s["condition"] for part in manifest["sources"].values() for s in part if "noise" in s}
    assert noises == {"noisy"}
    write_calibration_data(recordings, tmp_path / "second", 3)
    write_calibration_data(recordings, tmp_path / "third", 4)
    first, second, third = (parts_of(tmp_path / name)[1]["parity"] for name in ("first", "second", "third"))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, third)


def test_exporter_takes_what_is_drawn(recordings, tmp_path):
    from export.model import SourceModel
    from export.parity.calibration import load_calibration
    from export.sources.description import kind_of, read_description
    from export.sources.model_set import DEFAULT_MODEL_DIR

    write_calibration_data(recordings, tmp_path / "drawn", 0)
    description = read_description(DEFAULT_MODEL_DIR / "detector" / "model.json")
    model = SourceModel(tmp_path, description, kind_of(description), None, None)
    calibration = load_calibration(tmp_path / "drawn", model)
    assert len(calibration.parity.inputs) == 24 and calibration.parity.labels.sum() == 12
    np.testing.assert_allclose(calibration.parity.inputs.mean(axis=(1, 2, 3)), 0, atol=1e-5)


def test_conditions_do_what_they_say():
    rng = np.random.default_rng(0)
    sound, noise = rng.normal(0, 0.1, 16240), rng.normal(0, 0.1, 16240)
    frames = {
        name: calibration_data.tensor(calibration_data.FRAMES, sound, noise, name, np.random.default_rng(1))
        for name in CONDITIONS
    }
    loud = frames["clean"].astype(float).mean()
    assert frames["quiet"].astype(float).mean() < loud - 3  # some 25 dB
    top = frames["band_limited"][:, -10:].astype(float).mean() - frames["band_limited"][:, 20:30].astype(float).mean()
    assert top < -5  # above 3.4 kHz there is nothing left


def test_folder_without_recordings_is_one_line(tmp_path, capsys):
    assert main(["calibration", "--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("cry-train: error: no recordings")
    assert not (tmp_path / "out").exists()
