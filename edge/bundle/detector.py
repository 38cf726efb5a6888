"""p(cry) of one log-mel frame."""

import math

import numpy as np

from edge.bundle.files import open_model
from edge.errors import UserError


class Detector(object):
    """The detector of a bundle: normalise, run, sigmoid(logit / temperature).

    engine_name: e.g. "ai-edge-litert 2.3.0". open_threshold, close_threshold: hysteresis, probabilities.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        self._engine = open_model(model, directory, threads)
        self.engine_name = self._engine.name
        self.open_threshold = model.decision.open_threshold
        self.close_threshold = model.decision.close_threshold
        self.lasting_threshold = model.decision.lasting_threshold
        self._temperature = model.temperature
        self._scale = model.normalisation.scale
        self._frame_shape = (model.feature.parameters["frame_columns"], model.feature.parameters["n_mels"])
        expected = (1,) + self._frame_shape + (1,)
        inputs, outputs = ([array.shape for array in arrays.values()]
                           for arrays in (self._engine.inputs, self._engine.outputs))
        if inputs != [expected] or outputs != [(1, 1)]:
            raise UserError("the detector in {} maps {} to {}, expected {} to (1, 1): export the bundle again".format(
                directory, inputs, outputs, expected))
        (network_input,), (self._output,) = self._engine.inputs.values(), self._engine.outputs.values()
        self._input = network_input[0, :, :, 0]

    def logit(self, log_mel_frame):
        """The network's logit before temperature for a (98, 64) float32 ln-mel frame.

        Raises ValueError for any other shape.
        """
        if log_mel_frame.shape != self._frame_shape:
            raise ValueError("expected a log-mel frame of shape {}, got {}".format(
                self._frame_shape, log_mel_frame.shape))
        normalise(log_mel_frame, self._scale, out=self._input)
        self._engine.infer()
        return float(self._output[0, 0])

    def probability(self, log_mel_frame):
        """p(cry) in 0..1 of a (98, 64) float32 ln-mel frame. Raises ValueError for any other shape."""
        return sigmoid(self.logit(log_mel_frame) / self._temperature)

    def warm_up(self):
        """Run once on silence: the first inference allocates."""
        self.probability(np.zeros(self._frame_shape, np.float32))


def normalise(log_mel_frame, scale, out):
    """The normalisation "frame_mean": out = (frame - its mean) / scale, all float32 of one shape."""
    np.subtract(log_mel_frame, log_mel_frame.mean(), out=out)
    np.divide(out, np.float32(scale), out=out)


def sigmoid(logit):
    """1 / (1 + exp(-logit)) of a float, without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
