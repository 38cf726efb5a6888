"""Target-noise injection: the source learns over the background of the target, of which only sums are known."""

from __future__ import annotations

import numpy as np

from training.adaptation.background import Background
from training.adaptation.night_noise import over_background
from training.adaptation.stage import Adaptation


class Method(Adaptation):
    """Noise is drawn from the sums of the target's quietest columns."""

    def corrupt(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Half of the frames with noise under them."""
        if not hasattr(self, "background"):
            self.background = Background.of_quiet(self.domains.target.log_mel[self.target])
        return over_background(log_mel, self.background, rng)
