"""What came before counts: a small recurrence over both networks' answers, one step a frame.

A baby draws breath and cries again, a cat or a door does not: of one second that cannot be heard. Gated recurrent unit
with the reset gate after the product, as Keras' GRU (Cho et al., "Learning Phrase Representations using RNN
Encoder-Decoder", 2014), so small that NumPy steps it sooner than an engine is called.
"""

import numpy as np

SILENT_LOGIT = -12.0  # what a frame counts as that nobody was asked about; no answer counts for less, none for more
REST_STEPS = 50  # of silence, 10 s: then the past is forgotten, and silence costs nothing


class Context(object):
    """Follows one stream; the logit of p(cry) of everything heard until now."""

    def __init__(self, weights, n_labels):
        """weights: edge.bundle.model.ContextWeights. n_labels: of the verifier's answers."""
        units, inputs = weights.units, 2 + n_labels
        self._kernel = np.array(weights.kernel).reshape(inputs, 3 * units)
        self._recurrent_kernel = np.array(weights.recurrent_kernel).reshape(units, 3 * units)
        self._bias, self._recurrent_bias = np.array(weights.bias), np.array(weights.recurrent_bias)
        self._read_out, self._skip = np.array(weights.read_out), np.array(weights.skip)
        self._offset = weights.offset
        self._units = units
        self._state = np.zeros(units)
        self._input = np.zeros(inputs)
        for _ in range(4 * REST_STEPS):
            self._step(SILENT_LOGIT, None)
        self._rest, self._silent_steps = self._state, REST_STEPS

    def logit(self, detector_logit, answer):
        """One frame later: the detector's logit, and the verifier's logits (labels,), None where it has no answer."""
        self._silent_steps = 0
        self._step(detector_logit, answer)
        return float(self._state.dot(self._read_out) + self._input.dot(self._skip)) + self._offset

    def pass_over(self):
        """One frame later, which was too quiet for anybody to be asked."""
        if self._silent_steps < REST_STEPS:
            self._silent_steps += 1
            self._step(SILENT_LOGIT, None)
            if self._silent_steps == REST_STEPS:
                self._state = self._rest

    def _step(self, detector_logit, answer):
        given, units = self._input, self._units
        given[0] = min(max(detector_logit, SILENT_LOGIT), -SILENT_LOGIT)
        given[1] = 0.0 if answer is None else 1.0
        given[2:] = 0.0 if answer is None else answer
        heard = given.dot(self._kernel) + self._bias
        remembered = self._state.dot(self._recurrent_kernel) + self._recurrent_bias
        gates = 0.5 + 0.5 * np.tanh(0.5 * (heard[: 2 * units] + remembered[: 2 * units]))  # sigmoid
        keep, reset = gates[:units], gates[units:]
        fresh = np.tanh(heard[2 * units :] + reset * remembered[2 * units :])
        self._state = keep * self._state + (1.0 - keep) * fresh
