"""What a detector of your own can look at beside log_mel: a frame (columns, bands) that moves with the stream.

    mel           mel spectra with any parameters
    mfcc          cepstra with any parameters
    waveform      samples as they are, one band
    fused         the 273 rows of the CNN + LMU paper
    yamnet_patch  YAMNet's picture of the newest 0.975 s

Each computes in a hop what is new in it, or YAMNet's the whole; both are equal to frame_of the whole stream.
"""

import numpy as np

from edge.dsp import fused, yamnet_patch
from edge.dsp.framing import count_windows
from edge.dsp.mel_columns import MelColumns
from edge.frames import SAMPLE_RATE

MEL, MFCC, WAVEFORM, FUSED, PATCH = "mel", "mfcc", "waveform", "fused", yamnet_patch.NAME
NAMES = (MEL, MFCC, WAVEFORM, FUSED, PATCH)


def frame_shape(name, parameters):
    """(columns, bands) of a frame."""
    if name == WAVEFORM:
        return parameters["frame_samples"], 1
    bands = {MFCC: parameters.get("n_mfcc"), FUSED: fused.N_ROWS}.get(name, parameters.get("n_mels"))
    return parameters["frame_columns"], bands


def frame_samples(name, parameters):
    """How many samples a frame is about."""
    if name == WAVEFORM:
        return parameters["frame_samples"]
    if name == FUSED:
        return fused.WINDOW_LENGTH + (parameters["frame_columns"] - 1) * fused.HOP_LENGTH
    return parameters["window_length"] + (parameters["frame_columns"] - 1) * parameters["hop_length"]


class FrameStream(object):
    """The newest frame of a stream that begins with silence.

    frame: (columns, bands) float32, moved on in place. n_columns: new ones in the newest push.
    """

    def __init__(self, name, parameters, band_hz=None):
        self._columns = _columns_of(name, parameters, band_hz)
        shape = frame_shape(name, parameters)
        self.frame = np.zeros(shape, np.float32)
        self._push(np.zeros(frame_samples(name, parameters) + fused.MARGIN, np.float32))
        self._columns.reset()
        self.n_columns = 0

    def push(self, samples):
        """Take a 1-D float32 block at 16 kHz; return the frame that ends with it."""
        self._push(samples)
        return self.frame

    def _push(self, samples):
        new = self._columns.push(samples)
        self.n_columns = len(new)
        count = min(len(new), len(self.frame))
        if count:
            self.frame[:-count] = self.frame[count:].copy()
            self.frame[-count:] = new[-count:]


def frame_of(name, parameters, samples, band_hz=None):
    """The frame (columns, bands) that ends a whole recording, 1-D float32 at 16 kHz, after silence."""
    return FrameStream(name, parameters, band_hz).push(np.asarray(samples, np.float32))


def _columns_of(name, parameters, band_hz):
    if name == FUSED:
        return fused.FusedStream(band_hz or SAMPLE_RATE / 2.0)
    if name == WAVEFORM:
        return _Samples()
    if name == PATCH:
        return _Patches()
    return _Windows(MelColumns(parameters), frame_shape(name, parameters)[1], parameters)


class _Windows(object):
    """Columns of windows as samples arrive."""

    def __init__(self, columns, n_bands, parameters):
        self._columns, self._n_bands = columns, n_bands
        self._length, self._hop = parameters["window_length"], parameters["hop_length"]
        self.reset()

    def reset(self):
        self._pending = np.zeros(0, np.float32)

    def push(self, block):
        samples = np.concatenate((self._pending, np.asarray(block, np.float32)))
        columns = np.empty((count_windows(len(samples), self._length, self._hop), self._n_bands), np.float32)
        if len(columns):
            self._columns.write(samples, columns)
        self._pending = samples[len(columns) * self._hop :].copy()
        return columns


class _Samples(object):
    """Samples as columns of one band."""

    def reset(self):
        """There is nothing to forget."""

    def push(self, block):
        return np.asarray(block, np.float32)[:, None]


class _Patches(object):
    """A whole patch each time."""

    def __init__(self):
        self.reset()

    def reset(self):
        self._newest = np.zeros(yamnet_patch.PATCH_LENGTH, np.float32)

    def push(self, block):
        self._newest = np.concatenate((self._newest, np.asarray(block, np.float32)))[-yamnet_patch.PATCH_LENGTH :]
        return yamnet_patch.yamnet_patch(self._newest)
