"""A trained model to export, as all rooms of the exporter pass it on."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class SourceModel:
    """A model together with what model.json says of it."""

    directory: Path
    description: dict[str, Any]  # model.json, checked and completed; its keys go into the manifest as they are
    kind: Any  # a ModelKind (kinds/kind.py), which knows this class
    trained: Any  # the Keras model, or the OnnxModel, as it came
    fixed: Any  # what is converted: a functional Keras model, or an OnnxModel, of batch 1 with named inputs and outputs

    @property
    def role(self) -> str:
        return self.kind.role

    @property
    def origin(self) -> str:
        """What was given: Keras, ONNX or PyTorch."""
        return getattr(self.trained, "origin", "Keras")

    @property
    def title(self) -> str:
        """The stem of its file names: detector, denoiser, expert-android."""
        return f"{self.role}-{self.description['name']}" if self.kind.may_be_several else self.role

    @property
    def is_denoised(self) -> bool:
        """Whether it sees frames through the denoiser."""
        return self.description.get("denoised", False)

    @property
    def scale(self) -> float:
        return self.description["normalisation"]["scale"]

    @property
    def temperature(self) -> float | None:
        """None: not yet fitted."""
        return self.description["temperature"]

    def with_temperature(self, temperature: float) -> "SourceModel":
        """The same model at a temperature."""
        return replace(self, description={**self.description, "temperature": temperature})
