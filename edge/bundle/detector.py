"""p(cry) of one log-mel frame."""

import math

from edge.bundle.frame_network import LogMelNetwork


class Detector(LogMelNetwork):
    """The detector of a bundle: normalise, run, sigmoid(logit / temperature).

    engine_name: e.g. "ai-edge-litert 2.3.0". decision: edge.bundle.model.Decision, for p(cry) of the detector alone.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        LogMelNetwork.__init__(self, model, directory, threads, (1, 1))
        self.decision = model.decision
        self.temperature = model.temperature

    def logit(self, log_mel_frame):
        """The network's logit before temperature for a (98, 64) float32 ln-mel frame.

        Raises ValueError for any other shape.
        """
        self.look_at(log_mel_frame)
        return float(self.output[0, 0])

    def calibrated_logit(self, log_mel_frame):
        """The logit of p(cry) for a (98, 64) float32 ln-mel frame. Raises ValueError for any other shape."""
        return self.logit(log_mel_frame) / self.temperature

    def answers(self):
        """Yield (frame, what is made of the output), as FrameNetwork does."""
        for frame, output in LogMelNetwork.answers(self):
            yield frame, output / self.temperature

    def probability(self, log_mel_frame):
        """p(cry) in 0..1 of a (98, 64) float32 ln-mel frame. Raises ValueError for any other shape."""
        return sigmoid(self.calibrated_logit(log_mel_frame))


def sigmoid(logit):
    """1 / (1 + exp(-logit)) of a float, without overflow."""
    if logit >= 0.0:
        return 1.0 / (1.0 + math.exp(-logit))
    return math.exp(logit) / (1.0 + math.exp(logit))
