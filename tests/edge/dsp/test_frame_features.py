"""Features of a detector of one's own: hop by hop as at once, and as their formulas say."""

import json

import numpy as np
import pytest

from edge.dsp import fused, log_mel, mfcc, yamnet_patch
from edge.dsp.frame_features import FUSED, MEL, MFCC, NAMES, PATCH, WAVEFORM, FrameStream, frame_of, frame_shape
from edge.dsp.mel_columns import dct, filterbank, hz_to_mel, mel_to_hz
from edge.frames import FRAME_HOP

MEL_PARAMETERS = {
    "sample_rate": 16000,
    "window": "hann",
    "window_length": 400,
    "hop_length": 200,
    "n_fft": 1024,
    "n_mels": 40,
    "mel_low_hz": 20.0,
    "mel_high_hz": 8000.0,
    "log_offset": 1e-6,
    "frame_columns": 79,
}
PARAMETERS = {
    MEL: dict(MEL_PARAMETERS, mel_scale="slaney", filter_norm="slaney", logarithm="db", spectrum="magnitude"),
    MFCC: dict(MEL_PARAMETERS, n_mfcc=20, hop_length=130, window="hamming"),
    WAVEFORM: {"sample_rate": 16000, "frame_samples": 15360},
    FUSED: dict(fused.PARAMETERS, frame_columns=66),
    PATCH: yamnet_patch.PARAMETERS,
}


def sound(seconds, seed=0):
    """Noise with a tone that rises."""
    time_s = np.arange(int(16000 * seconds)) / 16000.0
    noise = np.random.RandomState(seed).normal(0.0, 0.05, len(time_s))
    return (noise + 0.3 * np.sin(2 * np.pi * (300 + 200 * time_s) * time_s)).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block", [FRAME_HOP, 777])
def test_a_stream_gives_the_frame_of_the_whole(name, block):
    samples = sound(2.6)
    stream = FrameStream(name, PARAMETERS[name])
    for first in range(0, len(samples), block):
        frame = stream.push(samples[first : first + block])
        assert frame.shape == frame_shape(name, PARAMETERS[name]) and frame.dtype == np.float32
    np.testing.assert_allclose(frame, frame_of(name, PARAMETERS[name], samples), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_begins_with_silence(name):
    stream = FrameStream(name, PARAMETERS[name])
    begin = stream.frame.copy()
    assert np.isfinite(begin).all()
    np.testing.assert_allclose(stream.push(np.zeros(FRAME_HOP, np.float32)), begin, atol=1e-5)


def test_mel_is_what_its_formula_says():
    """One column, by a plain Fourier sum."""
    parameters, samples = PARAMETERS[MEL], sound(1.2, seed=3)
    frame = frame_of(MEL, parameters, samples)
    last = (len(samples) - 400) // 200 * 200
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(513), np.arange(400)) / 1024)
    magnitudes = np.abs(turns.dot(samples[last : last + 400] * window))
    expected = 10 * np.log10(magnitudes.dot(filterbank(1024, 40, 20.0, 8000.0, "slaney", "slaney")) + 1e-6)
    np.testing.assert_allclose(frame[-1], expected, atol=1e-3)


def test_our_own_features_are_among_them():
    samples = sound(1.0)
    ours = dict(log_mel.PARAMETERS)
    np.testing.assert_allclose(frame_of(MEL, ours, samples), log_mel.log_mel(samples), atol=1e-3)
    parameters = dict(MEL_PARAMETERS, window="hamming", window_length=480, hop_length=160, n_fft=512, mel_low_hz=0.0)
    parameters.update(log_offset=1e-10, n_mfcc=13, dct_norm="none", frame_columns=98)
    np.testing.assert_allclose(frame_of(MFCC, parameters, samples), mfcc.mfcc(samples)[-98:], atol=1e-3)


def test_the_transform_is_orthonormal_and_the_scales_invert():
    np.testing.assert_allclose(dct(40, 40).T.dot(dct(40, 40)), np.eye(40), atol=1e-12)
    for scale in ("htk", "slaney"):
        np.testing.assert_allclose(
            mel_to_hz(hz_to_mel([0.0, 500.0, 1000.0, 6000.0], scale), scale), [0, 500, 1000, 6000]
        )
    assert abs(hz_to_mel(1000.0, "slaney") - 15.0) < 1e-9 and abs(hz_to_mel(1000.0, "htk") - 1000.0) < 0.1


def test_parameters_as_a_manifest_has_them_are_the_same_as_those_that_are_left_out():
    given = json.loads(
        json.dumps(dict(MEL_PARAMETERS, logarithm="ln", mel_scale="htk", spectrum="power", window="hann"))
    )
    samples = sound(1.0)
    np.testing.assert_array_equal(frame_of(MEL, given, samples), frame_of(MEL, MEL_PARAMETERS, samples))
