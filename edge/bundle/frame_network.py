"""What networks that take one picture of sound have in common, and those whose picture is a log-mel frame."""

import numpy as np

from edge.bundle.answers import made_up_frames
from edge.bundle.files import open_model
from edge.dsp.frame_features import frame_shape
from edge.errors import UserError


class FrameNetwork(object):
    """An engine that maps one frame to one output; both are the engine's own arrays.

    path: of the file that runs. frame_shape: (columns, bands). frame: float32 of that shape, to be filled. output:
    float32, what infer() fills.
    """

    def __init__(self, model, directory, threads, output_shape, input_shape=None):
        """model: edge.bundle.manifest.Model. input_shape: (columns, bands) where it is not that of the feature's frame.

        Raises UserError when no engine fits or the tensors do not.
        """
        self.frame_shape = input_shape or frame_shape(model.feature.name, model.feature.parameters)
        engine = open_model(model, directory, threads)
        expected = (1,) + self.frame_shape + (1,)
        inputs, outputs = ([array.shape for array in arrays.values()] for arrays in (engine.inputs, engine.outputs))
        if inputs != [expected] or outputs != [output_shape]:
            raise UserError(
                "the {} in {} maps {} to {}, expected {} to {}: export the bundle again".format(
                    model.title, directory, inputs, outputs, expected, output_shape
                )
            )
        (network_input,), (self.output,) = engine.inputs.values(), engine.outputs.values()
        self.frame = network_input[0, :, :, 0]
        self.engine_name, self.infer, self.path = engine.name, engine.infer, engine.path

    def check_shape(self, frame):
        """Raise ValueError for any other shape than frame_shape."""
        if frame.shape != self.frame_shape:
            raise ValueError("expected a frame of shape {}, got {}".format(self.frame_shape, frame.shape))

    def made_up_shape(self):
        """Of frames that it takes."""
        return self.frame_shape

    def warm_up(self):
        """Run once on silence: the first inference allocates."""
        self.look_at(np.zeros(self.made_up_shape(), np.float32))

    def answers(self):
        """Yield (frame, output) for each of a few made-up frames, its own float32 arrays: see edge.bundle.answers."""
        for frame in made_up_frames(self.made_up_shape()):
            self.look_at(frame)
            yield self.frame, self.output


class LogMelNetwork(FrameNetwork):
    """A network that takes log-mel frames, each around its own mean."""

    def __init__(self, model, directory, threads, output_shape):
        """As FrameNetwork."""
        FrameNetwork.__init__(self, model, directory, threads, output_shape)
        self._scale = model.normalisation.scale

    def look_at(self, log_mel_frame):
        """Run on a float32 ln-mel frame. Raises ValueError for any other shape than frame_shape."""
        self.check_shape(log_mel_frame)
        normalise(log_mel_frame, self._scale, out=self.frame)
        self.infer()


def normalise(log_mel_frame, scale, out):
    """The normalisation "frame_mean": out = (frame - its mean) / scale, all float32 of one shape."""
    np.subtract(log_mel_frame, log_mel_frame.mean(), out=out)
    np.divide(out, np.float32(scale), out=out)
