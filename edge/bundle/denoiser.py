"""What a log-mel frame would be without the noise in it."""

from edge.bundle.frame_network import LogMelNetwork


class Denoiser(LogMelNetwork):
    """The denoiser of a bundle: a normalised frame in, its estimate of the clean one out.

    engine_name: text. n_mels: bands of its frames.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        columns, self.n_mels = (model.feature.parameters[key] for key in ("frame_columns", "n_mels"))
        LogMelNetwork.__init__(self, model, directory, threads, (1, columns, self.n_mels, 1))
        self._estimate = self.output[0, :, :, 0]

    def estimate(self, log_mel_frame):
        """The clean frame, normalised as this one was, of a (98, n_mels) float32 ln-mel frame.

        Returns (98, n_mels) float32, the network's own array: it holds until the next frame. Raises ValueError for
        any other shape.
        """
        self.look_at(log_mel_frame)
        return self._estimate
