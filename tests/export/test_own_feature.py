"""A detector on a feature of its own: the device computes it from the stream, and says what Keras says of it."""

import json

import numpy as np
import pytest
from scipy.io import wavfile

from edge.bundle import load_bundle
from edge.config import load_settings
from edge.dsp import fused, yamnet_patch
from edge.dsp.frame_features import frame_of, frame_shape
from edge.dsp.high_pass import high_passed
from edge.frames import FRAME_HOP
from edge.pipeline import Pipeline
from edge.records import Frame
from export.parity.own_frames import own_calibration, own_inputs
from export.parity.synthetic_inputs import synthetic_clips

MEL = {
    "sample_rate": 16000,
    "window": "hann",
    "window_length": 512,
    "hop_length": 256,
    "n_fft": 512,
    "n_mels": 40,
    "mel_low_hz": 50.0,
    "mel_high_hz": 8000.0,
    "log_offset": 1e-6,
    "frame_columns": 60,
}
ROWS = list(range(13))
FEATURES = {
    "mel": (dict(MEL, mel_scale="slaney"), {"kind": "frame_z_score", "epsilon": 1e-5}),
    "mfcc": (
        dict(MEL, n_mfcc=13),
        {"kind": "row_z_score", "rows": ROWS, "mean": [-30.0] + [0.0] * 12, "deviation": [20.0] + [3.0] * 12},
    ),
    "waveform": ({"sample_rate": 16000, "frame_samples": 16000}, {"kind": "none"}),
    "fused": (
        dict(fused.PARAMETERS, frame_columns=66),
        {"kind": "row_z_score", "rows": ROWS, "mean": [0.0] * 13, "deviation": [30.0] * 13},
    ),
    "yamnet_patch": (yamnet_patch.PARAMETERS, {"kind": "frame_mean", "scale": 2.0}),
}
LABELS = {"labels": ["quiet", "cry", "scream"], "cry_labels": ["cry", "scream"], "activation": "softmax"}


def description(name, **changed):
    parameters, normalisation = FEATURES[name]
    feature = {"name": name, "parameters": parameters, **({"band_hz": 8000.0} if name == "fused" else {})}
    return {**LABELS, "feature": feature, "normalisation": normalisation, "temperature": 1.5, **changed}


def fitted(keras, described):
    """A small network, its last layer fitted to tell synthetic cries from other sounds, as Keras saves it."""
    layers = keras.layers
    keras.utils.set_random_seed(2)
    feature = described["feature"]
    columns, bands = frame_shape(feature["name"], feature["parameters"])
    inputs = keras.Input((columns, len(described["normalisation"].get("rows", range(bands)))))
    x = layers.Conv1D(8, min(32, columns // 4), strides=max(1, columns // 40), activation="relu")(inputs)
    x = layers.Concatenate()([layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)])
    model = keras.Model(inputs, layers.Dense(3)(x))
    part = own_calibration(described, None)[0].parity
    seen = np.asarray(keras.Model(inputs, x)(part.inputs[..., 0]), np.float64)
    z = (seen - seen.mean(0)) / (seen.std(0) + 1e-6)
    kernel = np.linalg.solve(z.T @ z / len(z) + 0.05 * np.eye(z.shape[1]), z.T @ (4.0 * part.labels - 2.0) / len(z))
    kernel /= seen.std(0) + 1e-6
    model.layers[-1].set_weights(
        [np.outer(kernel, [-1.0, 1.0, 0.5]), np.outer(-seen.mean(0) @ kernel, [-1, 1, 0.5])[0]]
    )
    return model


@pytest.fixture
def own(keras, tmp_path):
    """(the Keras model, its folder) of a description."""

    def make(described):
        folder = tmp_path / "own"
        folder.mkdir()
        model = fitted(keras, described)
        model.save(folder / "own.keras")
        (folder / "model.json").write_text(json.dumps(described))
        return model, folder

    return make


@pytest.mark.parametrize("name", FEATURES)
def test_the_device_computes_it_from_the_stream_and_says_what_keras_says(export, own, tmp_path, name):
    described = description(name)
    model, folder = own(described)
    status, _, stderr = export(target="jetson-fp16", model=folder)
    assert status == 0, stderr
    settings = load_settings(None)
    pipeline = Pipeline(load_bundle(tmp_path / "out"), settings._replace(gate=settings.gate._replace(enabled=False)))
    clip = synthetic_clips("quantise")[0].samples[: 10 * FRAME_HOP]
    heard = [record for record in pipeline.push(clip) if isinstance(record, Frame)]
    feature, filtered = described["feature"], high_passed(clip)
    for number in (0, len(heard) - 1):
        until = filtered[: len(filtered) - (len(heard) - 1 - number) * FRAME_HOP]
        frame = frame_of(name, feature["parameters"], until, feature.get("band_hz"))
        logits = np.asarray(model(own_inputs(frame[None], described)[..., 0]), np.float64)[0]
        shares = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        odds = (shares[1] + shares[2]) / shares[0]
        expected = 1 / (1 + odds ** (-1 / 1.5))
        assert heard[number].detector_probability == pytest.approx(expected, abs=1e-4)


def recordings(folder, n=5):
    """A folder of synthetic recordings, cries in one of their own."""
    for clip in synthetic_clips("parity")[:-1]:
        kind = "cry" if clip.condition.startswith("cry") else "other"
        place = folder / kind
        place.mkdir(parents=True, exist_ok=True)
        if len(list(place.iterdir())) < n:
            wavfile.write(place / f"{clip.name}.wav", 16000, clip.samples)
    return folder


def test_a_folder_of_recordings_is_calibrated_on(export, own, tmp_path):
    _, folder = own(description("mel", temperature=None))
    arguments = ("--calibration-audio", recordings(tmp_path / "audio"))
    status, _, stderr = export(*arguments, target="jetson-int8", model=folder)
    assert status == 0, stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    (model,) = report["models"]
    assert {part: counts["groups"] for part, counts in model["calibration"].items()} == {
        "quantise": 4,
        "temperature": 2,
        "parity": 4,
    }
    assert model["temperature"]["fitted"]
    assert not list((tmp_path / "out").rglob("*.wav")) and any("10 files; none is kept" in n for n in report["notes"])


def test_too_few_recordings_are_counted(refusal, own, tmp_path):
    _, folder = own(description("mel"))
    line = refusal("--calibration-audio", recordings(tmp_path / "audio", 3), model=folder)
    assert "holds 3 recordings in folders called cry, 3 others" in line and "5 of each are needed" in line
    assert "is no directory" in refusal("--calibration-audio", tmp_path / "nowhere", model=folder)


def test_how_a_feature_of_ones_own_is_normalised_must_be_said(refusal, own):
    described = description("mel")
    _, folder = own(described)
    del described["normalisation"]
    (folder / "model.json").write_text(json.dumps(described))
    assert "normalisation is missing" in refusal(model=folder)
