"""p(cry) of one frame of the detector's feature."""

import math

import numpy as np

from edge.bundle.frame_network import FrameNetwork, normalise
from edge.bundle.model import LOG_MEL, FrameMean
from edge.bundle.own_features import FrameZScore, cry_logit, z_score
from edge.dsp.frame_features import FrameStream, frame_shape


class Detector(FrameNetwork):
    """The detector of a bundle: normalise, run, sigmoid(logit / temperature).

    engine_name: e.g. "ai-edge-litert 2.3.0". decision: edge.bundle.model.Decision, for p(cry) of the detector alone.
    feature_shape: (columns, bands) of what it looks at: (98, 64) float32 ln-mel of the one that ships.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        self._feature, self._normalisation = model.feature, model.normalisation
        self.feature_shape = columns, bands = frame_shape(model.feature.name, model.feature.parameters)
        self._rows = getattr(self._normalisation, "rows", None)
        shape = (columns, len(self._rows) if self._rows else bands)
        self._open(model, directory, threads, (1, len(model.labels)), shape)
        if self._rows:
            self._mean = np.array(self._normalisation.mean, np.float32)
            self._deviation = np.array(self._normalisation.deviation, np.float32)
        self.decision = model.decision
        self.temperature = model.temperature
        self.labels, self._cry_labels = model.labels, model.cry_labels

    def _open(self, model, directory, threads, output_shape, shape):
        FrameNetwork.__init__(self, model, directory, threads, output_shape, shape)

    def forget(self):
        """It remembers nothing."""

    def newest(self, frame):
        """Of a frame, what the network takes."""
        return frame

    def stream(self):
        """What computes its frames hop by hop; None of log-mel, which the pipeline has anyway."""
        if self._feature.name == LOG_MEL:
            return None
        return FrameStream(self._feature.name, self._feature.parameters, self._feature.band_hz)

    def look_at(self, frame):
        """Run on a float32 frame. Raises ValueError for any other shape than feature_shape."""
        if frame.shape != self.feature_shape:
            raise ValueError("expected a frame of shape {}, got {}".format(self.feature_shape, frame.shape))
        frame = self.newest(frame)
        if isinstance(self._normalisation, FrameMean):
            normalise(frame, self._normalisation.scale, out=self.frame)
        elif isinstance(self._normalisation, FrameZScore):
            z_score(frame, self._normalisation.epsilon, out=self.frame)
        elif self._rows:
            np.subtract(frame[:, self._rows], self._mean, out=self.frame)
            np.divide(self.frame, self._deviation, out=self.frame)
        else:
            self.frame[...] = frame
        self.infer()

    def logit(self, frame):
        """The network's logit of a cry before temperature for a frame. Raises ValueError for any other shape."""
        self.look_at(frame)
        return cry_logit(self.output[0], self._cry_labels)

    def calibrated_logit(self, frame):
        """The logit of p(cry) for a frame. Raises ValueError for any other shape."""
        return self.logit(frame) / self.temperature

    def answers(self):
        """Yield (frame, what is made of the output), as FrameNetwork does."""
        for frame, output in FrameNetwork.answers(self):
            yield frame, output / self.temperature

    def made_up_shape(self):
        """Of frames that it takes."""
        return self.feature_shape

    def probability(self, frame):
        """p(cry) in 0..1 of a frame. Raises ValueError for any other shape."""
        return sigmoid(self.calibrated_logit(frame))


def sigmoid(logit):
    """1 / (1 + exp(-logit)) of a float, without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
