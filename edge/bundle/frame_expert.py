"""What one expert makes of a cry, a log-mel frame at a time."""

import numpy as np

from edge.bundle.frame_network import LogMelNetwork
from edge.bundle.model import LOG_MEL


class FrameExpert(LogMelNetwork):
    """An expert of a bundle that looks at frames, and where it stands in the one episode it listens to.

    name, engine_name: text. labels: what its logits speak for. temperature: of its logits. energy_threshold: energy
    above it is an unknown sound, or None. n_mels: bands of its frames. step_columns: from one of its frames to the
    next. window_columns: of a frame. is_denoised: its frames are the denoiser's estimates.
    """

    feature = LOG_MEL

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        LogMelNetwork.__init__(self, model, directory, threads, (1, len(model.labels)))
        self.name, self.labels, self.is_denoised = model.name, model.labels, model.is_denoised
        self.temperature, self.energy_threshold = model.temperature, model.energy_threshold
        self.step_columns, self.window_columns = model.step
        self.n_mels = model.feature.parameters["n_mels"]
        self.reset()

    def reset(self):
        """An episode opens: its first frame is the next."""
        self.n_steps = 0

    @property
    def n_encoded(self):
        """Columns of the episode up to the end of the latest frame it has looked at; 0 before the first."""
        return self.next_end - self.step_columns if self.n_steps else 0

    @property
    def next_end(self):
        """Columns of the episode up to the end of its next frame."""
        return self.window_columns + self.n_steps * self.step_columns

    def push(self, frame):
        """Take the next frame, (98, n_mels) float32; return its logits (labels,).

        frame: ln-mel; of an expert that is denoised, the denoiser's estimate. The logits are the network's own array:
        they hold until the next frame. Raises ValueError for any other shape.
        """
        if self.is_denoised:
            np.copyto(self.frame, frame)
            self.infer()
        else:
            self.look_at(frame)
        self.n_steps += 1
        return self.output[0]

    def answers(self):
        """Yield (frame, what is made of the output), as FrameNetwork does."""
        for frame, output in LogMelNetwork.answers(self):
            yield frame, output / self.temperature

    def warm_up(self):
        """Run once on silence: the first inference allocates."""
        LogMelNetwork.warm_up(self)
        self.reset()
