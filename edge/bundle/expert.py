"""What one expert makes of a cry: a network that takes a few fused columns at a time and remembers the rest."""

import numpy as np

from edge.bundle.answers import made_up_frames
from edge.bundle.files import open_model
from edge.bundle.model import FUSED
from edge.dsp.fused import N_ROWS, standardise
from edge.errors import UserError

COLUMNS, VALID, CAUSE = "columns", "valid", "cause"  # the network's own names
STATE, NEW = "state_", "new_"  # state_NAME is what new_state_NAME was a step before, zero at first
PAST_VALID = STATE + "valid"  # (1, n): the encoder looks n columns ahead, so it is that late


class Expert(object):
    """An expert of a bundle, and where it stands in the one episode it listens to.

    name, engine_name, path: text. labels: what its logits speak for. temperature: of its logits. energy_threshold:
    energy above it is an unknown sound, or None. band_hz: of the fused columns it takes. step_columns,
    window_columns: how many it takes at a time, and how many its answer is about. lateness_columns: how many it has
    taken and not yet looked at.
    """

    feature = FUSED

    def __init__(self, model, directory, threads=1):
        """model: edge.bundle.manifest.Model. Raises UserError when no engine fits or the tensors do not."""
        self._engine = engine = open_model(model, directory, threads)
        self.name, self.labels, self.engine_name, self.path = model.name, model.labels, engine.name, engine.path
        self.temperature, self.energy_threshold = model.temperature, model.energy_threshold
        self.band_hz = model.feature.band_hz
        self.step_columns, self.window_columns = model.step
        self._rows = np.array(model.normalisation.rows)
        self._mean = np.array(model.normalisation.mean, np.float32)
        self._deviation = np.array(model.normalisation.deviation, np.float32)
        self._states = [
            (engine.inputs[name], engine.outputs.get(NEW + name))
            for name in sorted(engine.inputs)
            if name.startswith(STATE)
        ]
        self._check("the expert {} in {}".format(self.name, directory))
        self.lateness_columns = engine.inputs[PAST_VALID].shape[1]
        self._columns = engine.inputs[COLUMNS][0, :, :, 0]
        engine.inputs[VALID][...] = 1.0
        self.reset()

    def reset(self):
        """An episode opens: forget everything."""
        for state, _ in self._states:
            state[...] = 0.0
        self._n_waiting = 0  # columns in the network's input that do not fill it yet
        self.n_steps = 0

    @property
    def n_encoded(self):
        """Columns of the episode that the latest logits are about."""
        return self.n_steps * self.step_columns - self.lateness_columns

    def push(self, columns):
        """Take fused columns (T, 273) of the expert's band; yield the logits (labels,) of each step they complete.

        They are the network's own array: they hold until the next is asked for.
        """
        while len(columns):
            waiting = self._columns[self._n_waiting : self._n_waiting + len(columns)]
            # "clip" lets NumPy write there without a copy in between; the rows are within range.
            np.take(columns[: len(waiting)], self._rows, axis=1, out=waiting, mode="clip")
            standardise(waiting, self._mean, self._deviation, out=waiting)
            columns = columns[len(waiting) :]
            self._n_waiting += len(waiting)
            if self._n_waiting == self.step_columns:
                yield self._step()

    def answers(self):
        """Yield (columns, what is made of the logits), float32, for made-up columns: see edge.bundle.answers."""
        n_columns = self.step_columns * (2 + self.lateness_columns // self.step_columns)
        for frame in made_up_frames((n_columns, N_ROWS)):
            self.reset()
            for logits in self.push(frame):
                yield self._columns, logits / self.temperature
        self.reset()

    def warm_up(self):
        """Run once on silence: the first inference allocates."""
        self._step()
        self.reset()

    def _step(self):
        self._engine.infer()
        for state, new_state in self._states:
            np.copyto(state, new_state)
        self._n_waiting = 0
        self.n_steps += 1
        return self._engine.outputs[CAUSE][0]

    def _check(self, who):
        """Raise UserError unless the network takes and gives what a step graph does."""
        inputs, outputs = (
            {name: array.shape for name, array in arrays.items()}
            for arrays in (self._engine.inputs, self._engine.outputs)
        )
        states = {name: shape for name, shape in inputs.items() if name.startswith(STATE)}
        expected = dict(states)
        expected.update({COLUMNS: (1, self.step_columns, len(self._rows), 1), VALID: (1, self.step_columns)})
        results = {NEW + name: shape for name, shape in states.items()}
        results[CAUSE] = (1, len(self.labels))
        for what, given, wanted in (("input", inputs, expected), ("output", outputs, results)):
            for name in sorted(set(given) | set(wanted)):
                if given.get(name) != wanted.get(name):
                    raise UserError(
                        "{} has the {} {} of shape {}, expected {}: export the bundle again".format(
                            who, what, name, given.get(name), wanted.get(name)
                        )
                    )
        if PAST_VALID not in states:
            raise UserError("{} has no input {}: export the bundle again".format(who, PAST_VALID))
