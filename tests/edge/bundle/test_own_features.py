"""A detector of one's own: what its manifest may say, and that anything else is refused in one line."""

import numpy as np
import pytest

from edge.bundle.fields import Fields
from edge.bundle.model import DETECTOR, read_feature, read_labels, read_normalisation
from edge.bundle.own_features import CryLabels, cry_logit, read_cry_labels, z_score
from edge.dsp import yamnet_patch
from edge.errors import UserError

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
MFCC = dict(MEL, n_mfcc=20)


def feature(name, parameters, **others):
    return read_feature(Fields(dict({"name": name, "parameters": parameters}, **others), "m.json"), DETECTOR)


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("mel", dict(MEL, mel_scale="slaney", logarithm="db")),
        ("mfcc", dict(MFCC, dct_norm="none")),
        ("waveform", {"sample_rate": 16000, "frame_samples": 8000}),
        ("yamnet_patch", yamnet_patch.PARAMETERS),
    ],
)
def test_what_edge_computes_is_read(name, parameters):
    assert feature(name, parameters)[:2] == (name, parameters)


@pytest.mark.parametrize(
    "name, parameters, line",
    [
        ("cqt", MEL, "name is 'cqt', this version knows log_mel, mel, mfcc, waveform, fused, yamnet_patch"),
        ("mel", dict(MEL, n_mel=40), "n_mel is 40, feature mel has sample_rate, window"),
        ("mel", dict(MEL, sample_rate=22050), "sample_rate is 22050, this version computes 16000"),
        ("mel", dict(MEL, window="kaiser"), "window is 'kaiser', this version knows hann, hamming, rectangular"),
        ("mel", dict(MEL, window_length=600), "window_length is 600, at most 512 is allowed"),
        ("mel", dict(MEL, hop_length=513), "hop_length is 513, at most window_length, 512, is allowed"),
        ("mel", dict(MEL, mel_high_hz=9000.0), "mel_high_hz is 9000.0, expected a number from 51 to 8000"),
        ("mel", dict(MEL, log_offset=0), "log_offset is 0, expected a number from 1e-30"),
        ("mel", dict(MEL, frame_columns=700), "frame_columns is 700, a frame may be 10 s long"),
        ("mel", {k: v for k, v in MEL.items() if k != "n_mels"}, "n_mels is missing"),
        ("mfcc", dict(MFCC, n_mfcc=41), "n_mfcc is 41, at most n_mels, 40, is allowed"),
        ("waveform", {"sample_rate": 16000, "frame_samples": 0}, "frame_samples is 0, expected a whole number"),
        ("yamnet_patch", dict(yamnet_patch.PARAMETERS, n_mels=40), "n_mels is 40, this version computes 64"),
    ],
)
def test_what_edge_does_not_compute_is_refused_by_name(name, parameters, line):
    with pytest.raises(UserError) as error:
        feature(name, parameters)
    assert line in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "described, line",
    [
        ({"kind": "whitened"}, "kind is 'whitened', this version knows none, frame_mean, frame_z_score, row_z_score"),
        ({"kind": "frame_z_score", "epsilon": 0}, "epsilon is 0, expected a number above 0"),
        ({"kind": "row_z_score", "rows": [40], "mean": [0.0], "deviation": [1.0]}, "rows is [40], expected a list"),
    ],
)
def test_a_normalisation_that_cannot_be_is_refused(described, line):
    with pytest.raises(UserError) as error:
        read_normalisation(Fields(described, "m.json"), "mel", DETECTOR, MEL)
    assert line in str(error.value)


@pytest.mark.parametrize(
    "changed, line",
    [
        ({}, 'labels is ["cry", "talk", "dog"], of several, "cry_labels" must name'),
        ({"cry_labels": ["cry"]}, "activation is missing"),
        ({"cry_labels": ["cat"], "activation": "sigmoid"}, 'cry_labels is ["cat"], of the labels cry, talk, dog'),
        ({"cry_labels": ["cry", "talk", "dog"], "activation": "softmax"}, "a softmax needs a label that is no cry"),
    ],
)
def test_labels_that_do_not_say_what_a_cry_is_are_refused(changed, line):
    fields = Fields(dict({"labels": ["cry", "talk", "dog"]}, **changed), "m.json")
    with pytest.raises(UserError) as error:
        read_cry_labels(fields, read_labels(fields, DETECTOR))
    assert line in str(error.value).replace("'", '"')


def test_the_logit_of_a_cry_is_that_of_its_share():
    logits = np.array([1.0, -2.0, 0.5], np.float32)
    shares = np.exp(logits) / np.exp(logits).sum()
    p = 1.0 / (1.0 + np.exp(-cry_logit(logits, CryLabels("softmax", [0, 2]))))
    assert abs(p - (shares[0] + shares[2])) < 1e-6
    assert cry_logit(logits, CryLabels("sigmoid", [1, 2])) == 0.5
    assert cry_logit(logits, None) == 1.0


def test_a_frame_around_its_own_mean_and_deviation():
    frame = np.random.RandomState(0).normal(3.0, 2.0, (10, 4)).astype(np.float32)
    out = np.empty_like(frame)
    z_score(frame, 1e-5, out)
    assert abs(out.mean()) < 1e-5 and abs(out.std() - 1.0) < 1e-4
