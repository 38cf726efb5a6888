"""What a manifest says of a detector of your own: feature and parameters, normalisation, which labels are cries.

What is not known here is refused in one line, never guessed.
"""

import math
from typing import List, NamedTuple

import numpy as np

from edge.dsp import frame_features, fused, mel_columns, yamnet_patch
from edge.frames import FRAME_HOP, SAMPLE_RATE

LONGEST_S = 10.0
LONGEST_SAMPLES = int(LONGEST_S * SAMPLE_RATE)
SPECTRUM_KEYS = ("sample_rate", "window", "window_length", "hop_length", "n_fft", "n_mels", "mel_low_hz", "mel_high_hz")
MEL_KEYS = SPECTRUM_KEYS + ("log_offset", "frame_columns")
CHOICES = {
    "window": mel_columns.WINDOWS,
    "spectrum": mel_columns.SPECTRA,
    "mel_scale": mel_columns.MEL_SCALES,
    "filter_norm": mel_columns.FILTER_NORMS,
    "logarithm": mel_columns.LOGARITHMS,
    "dct_norm": mel_columns.DCT_NORMS,
}
KEYS = {  # of a feature's parameters: those that must be there, those that may
    frame_features.MEL: (MEL_KEYS, ("spectrum", "mel_scale", "filter_norm", "logarithm")),
    frame_features.MFCC: (
        MEL_KEYS + ("n_mfcc",),
        ("spectrum", "mel_scale", "filter_norm", "logarithm", "dct_norm"),
    ),
    frame_features.WAVEFORM: (("sample_rate", "frame_samples"), ()),
    frame_features.FUSED: (tuple(fused.PARAMETERS) + ("frame_columns",), ()),
    frame_features.PATCH: (tuple(yamnet_patch.PARAMETERS), ()),
}
FIXED = {frame_features.FUSED: fused.PARAMETERS, frame_features.PATCH: yamnet_patch.PARAMETERS}
NORMALISATIONS = ("none", "frame_mean", "frame_z_score", "row_z_score")
ACTIVATIONS = SIGMOID, SOFTMAX = ("sigmoid", "softmax")


class FrameZScore(NamedTuple):
    """What the network sees is (x - x.mean()) / (x.std() + epsilon) over each frame."""

    epsilon: float


class CryLabels(NamedTuple):
    """Which of several labels are cries, and how their logits become probabilities."""

    activation: str
    cries: List[int]  # their places among the labels


def check_parameters(fields, name):
    """Raise UserError, naming the key, unless `fields` are parameters of a feature that edge/dsp computes."""
    needed, optional = KEYS[name]
    for key in sorted(fields.content):
        if key not in needed + optional:
            known = ", ".join(needed + optional)
            raise fields.problem(key, fields.content[key], "feature {} has {}".format(name, known))
    for key, value in sorted(FIXED.get(name, {}).items()):
        _check_is(fields, key, value)
    if name in (frame_features.MEL, frame_features.MFCC):
        _check_mel(fields, name)
    _check_is(fields, "sample_rate", SAMPLE_RATE)
    key = "frame_samples" if name == frame_features.WAVEFORM else "frame_columns"
    count = fields.integer(key, 1)
    if frame_features.frame_samples(name, fields.content) > LONGEST_SAMPLES:
        raise fields.problem(key, count, "a frame may be {:g} s long".format(LONGEST_S))


def _check_is(fields, key, value):
    """Raise UserError unless a parameter is what edge/dsp computes with."""
    if fields.content.get(key) != value:
        raise fields.problem(key, fields.content.get(key), "this version computes {}".format(value))


def _check_mel(fields, name):
    """The parameters of mel spectra and cepstra."""
    for key in sorted(set(CHOICES) & (set(fields.content) | {"window"})):
        fields.choice(key, CHOICES[key])
    n_fft = fields.integer("n_fft", 16)
    length = fields.integer("window_length", 1)
    for key, value, most in (("n_fft", n_fft, 8192), ("window_length", length, n_fft)):
        if value > most:
            raise fields.problem(key, value, "at most {} is allowed".format(most))
    hop_length, n_mels = fields.integer("hop_length", 16), fields.integer("n_mels", 1)
    if hop_length > length:
        raise fields.problem("hop_length", hop_length, "at most window_length, {}, is allowed".format(length))
    if n_mels > n_fft // 2:
        raise fields.problem("n_mels", n_mels, "at most n_fft / 2, {}, is allowed".format(n_fft // 2))
    low_hz = fields.number("mel_low_hz", 0.0, SAMPLE_RATE / 2.0 - 1.0)
    fields.number("mel_high_hz", low_hz + 1.0, SAMPLE_RATE / 2.0)
    is_logarithm = fields.content.get("logarithm", "ln") != "none"
    fields.number("log_offset", 1e-30 if is_logarithm else 0.0, 1e6)
    if name == frame_features.MFCC:
        n_mfcc = fields.integer("n_mfcc", 1)
        if n_mfcc > n_mels:
            raise fields.problem("n_mfcc", n_mfcc, "at most n_mels, {}, is allowed".format(n_mels))


def read_cry_labels(fields, labels):
    """Which labels are cries; None of a detector with one. Raises UserError."""
    if len(labels) == 1:
        return None
    activation = fields.choice("activation", ACTIVATIONS)
    cries = fields.texts("cry_labels")
    for label in cries:
        if label not in labels:
            raise fields.problem("cry_labels", cries, "of the labels {}".format(", ".join(labels)))
    if activation == SOFTMAX and len(set(cries)) == len(labels):
        raise fields.problem("cry_labels", cries, "a softmax needs a label that is no cry")
    return CryLabels(activation, [labels.index(label) for label in cries])


def read_streamed(fields, feature, step):
    """The Step of a detector that remembers: the columns of a hop, on a grid that hops fit; None of any other.

    Raises UserError.
    """
    if fields.content.get("role", "detector") != "detector" or "step" not in fields.content:
        return None
    hop_length = feature.parameters.get("hop_length", 0)
    if not hop_length or FRAME_HOP % hop_length:
        whole = "a hop of {} samples must be whole columns".format(FRAME_HOP)
        raise fields.problem("step", fields.content["step"], whole)
    columns = fields.object("step").integer("columns", 1)
    if columns != FRAME_HOP // hop_length:
        raise fields.problem("step", fields.content["step"], "a hop has {} columns".format(FRAME_HOP // hop_length))
    if fields.object("normalisation").content.get("kind") not in ("none", "row_z_score"):
        raise fields.problem("normalisation", fields.content["normalisation"], "a step knows no frame: use row_z_score")
    return step(columns, columns)


def cry_logit(logits, labels):
    """The logit of "a cry" of logits (labels,): of several, that of the sum of their shares, or the surest.

    labels: CryLabels, or None where there is one. Of a softmax it is ln(p / (1 - p)).
    """
    if labels is None:
        return float(logits[0])
    is_cry = np.zeros(len(logits), bool)
    is_cry[labels.cries] = True
    if labels.activation == SIGMOID:
        return float(logits[is_cry].max())
    return _log_sum_exp(logits[is_cry]) - _log_sum_exp(logits[~is_cry])


def _log_sum_exp(values):
    highest = float(values.max())
    if not math.isfinite(highest):
        return highest
    return highest + math.log(float(np.exp(values.astype(np.float64) - highest).sum()))


def z_score(frame, epsilon, out):
    """The normalisation "frame_z_score": out = (frame - its mean) / (its deviation + epsilon), all float32."""
    np.subtract(frame, frame.mean(), out=out)
    np.divide(out, out.std() + np.float32(epsilon), out=out)
