"""Experts that take fused columns, a few at a time, over an episode."""

from time import perf_counter

from edge.dsp.fused import HOP_LENGTH, WINDOW_LENGTH, FusedStream


class FusedExperts(object):
    """Fused columns of an episode, one stream per band, and the experts that take them."""

    def __init__(self, experts, timed):
        """experts: edge.bundle.Expert. timed: (stage, when it began) -> now."""
        self._experts = experts
        self._timed = timed
        self._streams = {expert.band_hz: FusedStream(expert.band_hz) for expert in experts}

    def reset(self):
        """An episode opens."""
        for stream in self._streams.values():
            stream.reset()
        for expert in self._experts:
            expert.reset()

    def silence(self, names):
        """Ask these experts no more."""
        self._experts = [expert for expert in self._experts if expert.name not in names]

    def take(self, samples):
        """Take the episode's next 1-D float32 samples; yield the readings that they complete.

        A reading: (expert's name, samples of the episode up to its last column's end, whether its window was full,
        logits (labels,), which hold until the next).
        """
        started = perf_counter()
        columns = {band_hz: stream.push(samples) for band_hz, stream in self._streams.items()}
        started = self._timed("fused", started)
        for expert in list(self._experts):
            for logits in expert.push(columns[expert.band_hz]):
                is_full = expert.n_encoded >= expert.window_columns
                yield expert.name, WINDOW_LENGTH + (expert.n_encoded - 1) * HOP_LENGTH, is_full, logits
            started = self._timed("expert " + expert.name, started)
