"""A recurrent detector streamed hop by hop: the device says at each hop what Keras says of all columns until then."""

import json

import numpy as np
import pytest

from edge.bundle import load_bundle
from edge.config import load_settings
from edge.dsp.frame_features import FrameStream
from edge.dsp.high_pass import high_passed
from edge.frames import FRAME_HOP, FRAME_HOPS
from edge.pipeline import Pipeline
from edge.records import Frame
from export.parity.synthetic_inputs import synthetic_clips

BANDS, COLUMNS, MEAN, DEVIATION = 24, 5, -5.0, 4.0  # columns of a hop: each is a layer more to convert
PARAMETERS = {
    "sample_rate": 16000,
    "window": "hann",
    "window_length": 640,
    "hop_length": 640,
    "n_fft": 1024,
    "n_mels": BANDS,
    "mel_low_hz": 50.0,
    "mel_high_hz": 8000.0,
    "log_offset": 1e-6,
    "frame_columns": 25,
}
STREAMED = {
    "labels": ["cry"],
    "feature": {"name": "mel", "parameters": PARAMETERS},
    "normalisation": {
        "kind": "row_z_score",
        "rows": list(range(BANDS)),
        "mean": [MEAN] * BANDS,
        "deviation": [DEVIATION] * BANDS,
    },
    "temperature": 1.2,
    "step": {"columns": COLUMNS},
}


@pytest.fixture(scope="module")
def recurrent(keras, tmp_path_factory):
    """(the Keras model, its folder)."""
    folder = tmp_path_factory.mktemp("streamed")
    layers = keras.layers
    keras.utils.set_random_seed(4)
    inputs = keras.Input((None, BANDS))
    x = layers.GRU(12, return_sequences=True)(layers.Dense(16, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(8)(x)))
    model.save(folder / "recurrent.keras")
    (folder / "model.json").write_text(json.dumps(STREAMED))
    return model, folder


@pytest.mark.parametrize(("target", "near"), [("jetson-fp16", 1e-4), ("rpi-int8", 0.02)])
def test_the_device_says_at_each_hop_what_keras_says_of_all_until_then(export, recurrent, tmp_path, target, near):
    model, folder = recurrent
    status, _, stderr = export("--tolerance", "20", target=target, model=folder)
    assert status == 0, stderr
    bundle = load_bundle(tmp_path / "out")
    settings = load_settings(None)
    pipeline = Pipeline(bundle, settings._replace(gate=settings.gate._replace(enabled=False)))
    clip = synthetic_clips("quantise")[0].samples[: 8 * FRAME_HOP]
    heard = [record for record in pipeline.push(clip) if isinstance(record, Frame)]
    stream, columns = FrameStream("mel", PARAMETERS), []
    for hop in high_passed(clip).reshape(-1, FRAME_HOP):
        columns.append(stream.push(hop)[-COLUMNS:].copy())
    for number, frame in enumerate(heard):
        seen = (np.concatenate(columns[FRAME_HOPS - 1 : FRAME_HOPS + number]) - MEAN) / DEVIATION
        logit = float(np.asarray(model(seen[None].astype(np.float32)))[0, 0])
        assert frame.detector_probability == pytest.approx(1 / (1 + np.exp(-logit / 1.2)), abs=near)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"step": {"columns": 10}}, "a hop has 5 columns"),
        ({"normalisation": {"kind": "frame_mean", "scale": 3.0}}, "a step knows no frame: use row_z_score"),
    ],
)
def test_a_step_that_cannot_be_is_named(refusal, recurrent, tmp_path, changed, line):
    import shutil

    folder = shutil.copytree(recurrent[1], tmp_path / "changed")
    (folder / "model.json").write_text(json.dumps({**STREAMED, **changed}))
    assert line in refusal(model=folder)


def test_a_layer_that_needs_more_than_the_past_is_named(refusal, keras, tmp_path):
    folder = tmp_path / "both_ways"
    folder.mkdir()
    inputs = keras.Input((None, BANDS))
    layer = keras.layers.Bidirectional(keras.layers.GRU(4), name="both")
    keras.Model(inputs, keras.layers.Dense(1)(layer(inputs))).save(folder / "m.keras")
    (folder / "model.json").write_text(json.dumps(STREAMED))
    assert "'both'" in refusal(model=folder)
