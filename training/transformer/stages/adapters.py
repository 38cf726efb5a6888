"""Low-rank adapters on the encoder learn labels, all else is frozen; they are merged into the kernels afterwards."""

from __future__ import annotations

from dataclasses import replace

from training.transformer.model import merged, with_adapters
from training.transformer.stage import Networks, TransformerStage


class Stage(TransformerStage):
    """The classifier with adapters."""

    def prepared(self, networks: Networks) -> Networks:
        """The same function with new adapters."""
        rank = self.task.experiment.model.of_preset().lora_rank
        return replace(networks, classifier=with_adapters(networks.classifier, rank))

    def finished(self) -> Networks:
        """The adapters inside the kernels."""
        return replace(self.networks, classifier=merged(self.networks.classifier))
