"""Adaptive batch normalisation: the source's model with the target's moments. Li et al., 2016."""

from __future__ import annotations

from training.adaptation.moments import take_moments
from training.adaptation.stage import Adaptation


class Method(Adaptation):
    """Learns from the source alone; moments are exchanged afterwards."""

    def finished(self) -> None:
        """The moments of all unlabelled frames of the target."""
        take_moments(self.model, self.domains.target.take(self.target))
