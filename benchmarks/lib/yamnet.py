"""YAMNet as Frigate and most hobby cry monitors run it: 0.975-s windows at half overlap, one thread of litert."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WINDOW = 15600  # samples at 16 kHz
BABY_CRY = 20  # "Baby cry, infant cry"


class Yamnet:
    """One interpreter; `scores` is the network on one window, `clip_score` the largest cry score of a clip."""

    def __init__(self, model: Path):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(model), num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def scores(self, window: np.ndarray) -> np.ndarray:
        """521 scores of 15,600 float32 samples."""
        self._interpreter.set_tensor(self._input, window[None])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)[0]

    def clip_score(self, samples: np.ndarray) -> float:
        """Largest "Baby cry" score over windows at half overlap; a short clip is padded with zeros."""
        padded = np.pad(samples, (0, max(0, WINDOW - len(samples)))).astype(np.float32)
        starts = range(0, len(padded) - WINDOW + 1, WINDOW // 2)
        return max(float(self.scores(padded[start : start + WINDOW])[BABY_CRY]) for start in starts)
