"""A detector that remembers: each hop it takes the new columns alone, and what it said of those before."""

import numpy as np

from edge.bundle.detector import Detector
from edge.bundle.files import open_model
from edge.errors import UserError

COLUMNS, LOGITS = "features", "logits"  # the network's own names
STATE, NEW = "state_", "new_"  # state_NAME is what new_state_NAME was a hop before, zero at first


class StreamedDetector(Detector):
    """As Detector; what it looks at is the newest columns of the frame, those of the hop.

    It forgets where it is not asked: when the gate closes.
    """

    def _open(self, model, directory, threads, output_shape, shape):
        """Raises UserError when no engine fits or the tensors do not."""
        engine = open_model(model, directory, threads)
        self._n_columns = model.step.columns
        inputs, outputs = dict(engine.inputs), dict(engine.outputs)
        columns, self.output = inputs.pop(COLUMNS, None), outputs.pop(LOGITS, None)
        states = {name: array.shape for name, array in inputs.items()}
        results = {name[len(NEW) :]: array.shape for name, array in outputs.items() if name.startswith(NEW)}
        expected = (1, self._n_columns, shape[1], 1)
        if columns is None or self.output is None or columns.shape != expected or self.output.shape != output_shape:
            raise UserError(
                "the {} in {} has no input {} of shape {} with an output {} of {}: export the bundle again".format(
                    model.title, directory, COLUMNS, expected, LOGITS, output_shape
                )
            )
        if not states or states != results or not all(name.startswith(STATE) for name in states):
            raise UserError(
                "the {} in {} takes the states {} and gives {}: export the bundle again".format(
                    model.title, directory, states, results
                )
            )
        self._states = [(inputs[name], outputs[NEW + name]) for name in sorted(states)]
        self.frame = columns[0, :, :, 0]
        self.engine_name, self._infer, self.path = engine.name, engine.infer, engine.path

    def infer(self):
        """One step."""
        self._infer()
        for state, new_state in self._states:
            np.copyto(state, new_state)

    def forget(self):
        """What comes next has nothing before it."""
        for state, _ in self._states:
            state[...] = 0.0

    def newest(self, frame):
        """The columns of the hop."""
        return frame[-self._n_columns :]

    def warm_up(self):
        """Run once on silence: the first inference allocates."""
        Detector.warm_up(self)
        self.forget()

    def answers(self):
        """Yield (columns, what is made of the output), as FrameNetwork does."""
        for given in Detector.answers(self):
            yield given
        self.forget()
