"""A second of crying as a direction: those of one infant lie closer together than those of two."""

import hashlib

import numpy as np

from edge.bundle.frame_network import LogMelNetwork


class Embedding(LogMelNetwork):
    """The embedding model of a bundle.

    engine_name: text. dimensions: of its directions. sha256: of the manifest's own digests of its files: directions of
    two models cannot be compared.
    """

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.model.Model. Raises UserError when no engine fits or the tensors do not."""
        LogMelNetwork.__init__(self, model, directory, threads, (1, model.dimensions))
        self.dimensions = model.dimensions
        self.sha256 = hashlib.sha256("".join(sorted(f.sha256 for f in model.files.values())).encode()).hexdigest()

    def direction(self, log_mel_frame):
        """(dimensions,) float64 of length 1, of a (98, 64) float32 ln-mel frame; NaN where it has none."""
        self.look_at(log_mel_frame)
        vector = self.output[0].astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            return vector / np.sqrt(np.square(vector).sum())
