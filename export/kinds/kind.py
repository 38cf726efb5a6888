"""What the exporter must know of one kind of model: a role on a feature."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import read_feature, read_name, read_normalisation
from edge.frames import FRAME_HOP_S
from export.convert.keras_graph import with_batch_of_one
from export.model import SourceModel
from export.networks import OUTPUT_NAME
from export.parity.evidence import Evidence
from export.targets import Bounds

COMMON_DEFAULTS: dict[str, Any] = {"version": "0", "layers": [], "metrics": {}, "training": {}}
ANSWER_KEYS = ("role", "labels", "feature", "normalisation", "temperature", "energy_threshold")
FRAME_MEAN = {"kind": "frame_mean", "scale": 3.0}


class ModelKind(ABC):
    """One kind. A new one is one file beside this, and a line in registry.py.

    It says how model.json is read and completed, what network is converted, on which inputs the files are quantised
    and compared and by what they are judged, how often the device runs it, and what the manifest says of it.
    """

    role: str  # as in the manifest
    features: tuple[str, ...]  # what it looks at; the first is assumed where model.json names none of them
    defaults: Mapping[str, Any] = COMMON_DEFAULTS  # of model.json's keys
    manifest_keys: tuple[str, ...] = ANSWER_KEYS  # of model.json, that go into the manifest as they are
    optional_keys: tuple[str, ...] = ()  # that go into it where model.json has them
    unread_keys: tuple[str, ...] = ()  # that the manifest does not have: of training, or of how it is read
    output_name = OUTPUT_NAME
    is_streamed = False  # a detector that takes a hop's columns and states
    gives_logits = True  # and no probabilities, nor frames
    may_be_several = False  # in one bundle, each with a name of its own
    budget_multiply_adds: int | None = None  # of a hop
    budget_bytes: Mapping[tuple[str, str], int] = {}  # by kind of file and precision

    def check(self, fields: Fields) -> None:
        """Raise UserError, naming the key, unless a description can be exported."""
        fields.text("name")
        read_name(fields, self.role)
        fields.text("version")
        feature = read_feature(fields.object("feature"), self.role)
        read_normalisation(fields.object("normalisation"), feature.name, self.role, feature.parameters)
        self.check_answers(fields)

    def defaults_on(self, feature: str | None) -> Mapping[str, Any]:
        """Of model.json's keys, where it looks at a feature."""
        return self.defaults

    @abstractmethod
    def check_answers(self, fields: Fields) -> None:
        """Raise UserError unless what model.json says of the model's outputs, and of how it is fed, can be."""

    def input_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """What the network takes, without the batch."""
        parameters = description["feature"]["parameters"]
        return parameters["frame_columns"], parameters["n_mels"], 1

    def fed_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """What the device feeds it at a time, without the batch."""
        return self.input_shape(description)

    def output_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """What the network gives, without the batch: one logit per label."""
        return (len(description["labels"]),)

    def graph(self, trained: Any, description: Mapping[str, Any]) -> Any:
        """The functional Keras model of batch 1, with named inputs and outputs, that is converted."""
        return with_batch_of_one(trained, self.output_name, self.input_shape(description))

    @abstractmethod
    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration_dir: Path) -> Evidence:
        """The inputs that a model is quantised and compared on. models: all of the bundle.

        Raises UserError when the data or the Keras model itself cannot be right.
        """

    @abstractmethod
    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """Raise UserError unless the device's own code, from the raw feature on, says what Keras says."""

    def answers_every_s(self, model: SourceModel, models: Sequence[SourceModel]) -> float:
        """Seconds from one run of the model to the next while an episode is open."""
        return FRAME_HOP_S
