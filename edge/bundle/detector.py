"""p(cry) of one log-mel frame."""

import math

from edge.bundle.frame_network import FrameNetwork


class Detector(FrameNetwork):
    """The detector of a bundle: normalise, run, sigmoid(logit / temperature).

    engine_name: e.g. "ai-edge-litert 2.3.0". open_threshold, close_threshold: hysteresis, probabilities.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        FrameNetwork.__init__(self, model, directory, threads, (1, 1))
        self.open_threshold = model.decision.open_threshold
        self.close_threshold = model.decision.close_threshold
        self.lasting_threshold = model.decision.lasting_threshold
        self._temperature = model.temperature

    def logit(self, log_mel_frame):
        """The network's logit before temperature for a (98, 64) float32 ln-mel frame.

        Raises ValueError for any other shape.
        """
        self.look_at(log_mel_frame)
        return float(self.output[0, 0])

    def probability(self, log_mel_frame):
        """p(cry) in 0..1 of a (98, 64) float32 ln-mel frame. Raises ValueError for any other shape."""
        return sigmoid(self.logit(log_mel_frame) / self._temperature)


def sigmoid(logit):
    """1 / (1 + exp(-logit)) of a float, without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
