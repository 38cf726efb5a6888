"""Target-noise injection: the source learns over the background of the target, of which only sums are known."""

from __future__ import annotations

import numpy as np

from training.adaptation.background import Background
from training.adaptation.stage import Adaptation
from training.data.spectra import mix_energies, normalise

SHARE = 0.5  # of the source's frames
SNR_DB = (0.0, 20.0)


class Method(Adaptation):
    """Noise is drawn from the sums of the target's quietest columns."""

    def corrupt(self, log_mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Half of the frames with noise under them."""
        if not hasattr(self, "background"):
            self.background = Background.of_quiet(self.domains.target.log_mel[self.target])
        energies = np.exp(log_mel.astype(np.float64))
        noise = self.background.draw(len(energies), energies.shape[1], rng)
        noisy = np.log(mix_energies(energies, noise, rng.uniform(*SNR_DB, len(energies))))
        return normalise(np.where((rng.random(len(energies)) < SHARE)[:, None, None], noisy, log_mel))
