"""manifest.json: what is in a bundle, read strictly and checked against the files beside it."""

import hashlib
import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Union

from edge.bundle.fields import Fields
from edge.bundle.files import MANIFEST_NAME, PRECISIONS, FileEntry, read_files
from edge.decision.fusion import METHODS, Fusion
from edge.decision.uncertain import UncertainRule
from edge.dsp import fused, log_mel, stft
from edge.errors import UserError

SCHEMA = 1
DETECTOR, EXPERT = ROLES = ("detector", "expert")
TENSORRT_PRECISIONS = ("fp16", "int8")
FEATURES = {"log_mel": log_mel.PARAMETERS, "fused": fused.PARAMETERS}  # what this version computes
FEATURE_OF = {DETECTOR: "log_mel", EXPERT: "fused"}  # models made for others are refused
NORMALISATION_OF = {DETECTOR: "frame_mean", EXPERT: "row_z_score"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*$")  # of an expert; file names are made of it


class Feature(NamedTuple):
    """What the model looks at, with every parameter that shapes it."""

    name: str
    parameters: Dict[str, Any]
    band_hz: Optional[float]  # of an expert: power above it counts as none


class FrameMean(NamedTuple):
    """A detector sees (x - x.mean()) / scale over the frame."""

    scale: float


class RowZScore(NamedTuple):
    """An expert sees some of the rows, each as (x - mean) / deviation."""

    rows: List[int]
    mean: List[float]
    deviation: List[float]


class Step(NamedTuple):
    """How an expert is fed, and how many columns its answer is about when there are that many."""

    columns: int
    window_columns: int


class Decision(NamedTuple):
    """Hysteresis on the smoothed probability; the mean over some seconds that opens an episode too, or None."""

    open_threshold: float
    close_threshold: float
    lasting_threshold: Optional[float]


class TensorRt(NamedTuple):
    """That TensorRT is to be tried first, and in which precision."""

    precision: str


class Model(NamedTuple):
    """One model of a bundle."""

    role: str
    name: Optional[str]  # an expert's, unique; a detector needs none
    feature: Feature
    normalisation: Union[FrameMean, RowZScore]
    labels: List[str]
    temperature: float
    energy_threshold: Optional[float]
    precision: str
    files: Dict[str, FileEntry]  # by kind, see FILE_KINDS
    metrics: Dict[str, Any]  # with the split they were measured on
    training: Dict[str, Any]  # corpora and their licences
    decision: Optional[Decision]  # a detector's
    step: Optional[Step]  # an expert's
    tensorrt: Optional[TensorRt]  # None: the model is not meant for TensorRT

    @property
    def title(self):
        """What a person reads, and what its TensorRT engine is kept under: "detector", "expert android"."""
        return "expert " + self.name if self.role == EXPERT else self.role


class FusionSettings(NamedTuple):
    """How the experts' answers become one, see edge.decision.fusion, and when that one is given."""

    method: str
    tau: float
    uncertain: UncertainRule


class Manifest(NamedTuple):
    """A bundle's manifest, validated; the files are not yet verified."""

    schema: int
    name: str
    version: str
    models: List[Model]
    fusion: Optional[FusionSettings]  # None without experts
    sha256: str  # of manifest.json itself


def read_manifest(directory):
    """Read and validate DIRECTORY/manifest.json. Returns a Manifest.

    Raises UserError naming the file, the key and the value when it is missing, truncated, malformed, of a
    newer schema, or made for features other than edge/dsp computes.
    """
    path = os.path.join(directory, MANIFEST_NAME)
    try:
        with open(path, "rb") as handle:
            content = handle.read()
    except OSError as error:
        raise UserError("no bundle in {}: cannot read {} ({}); name a directory that holds one".format(
            directory, MANIFEST_NAME, error.strerror)) from error
    try:
        document = json.loads(content.decode("utf-8"))
    except ValueError as error:
        raise UserError("{} is not valid JSON ({}): it is damaged, copy or export the bundle again".format(
            path, str(error).splitlines()[0])) from error
    top = Fields(document, path)
    schema = top.integer("schema", 1)
    if schema > SCHEMA:
        raise UserError("{}: schema {} is newer than {}, the newest this version reads: update "
                        "cry-monitor".format(path, schema, SCHEMA))
    models = [_model(entry) for entry in top.objects("models")]
    roles = [model.role for model in models]
    if roles.count(DETECTOR) != 1:
        raise UserError("{}: models has the roles {}, exactly one detector is needed: export the bundle "
                        "again".format(path, roles))
    return Manifest(schema, top.text("name"), top.text("version"), models, read_fusion(top, experts_of(models)),
                    hashlib.sha256(content).hexdigest())


def experts_of(models):
    """The experts among models, in their order."""
    return [model for model in models if model.role == EXPERT]


def _model(entry):
    role = entry.choice("role", ROLES)
    return Model(
        role=role,
        name=read_name(entry, role),
        labels=read_labels(entry, role),
        feature=read_feature(entry.object("feature"), role),
        normalisation=read_normalisation(entry.object("normalisation"), role),
        temperature=entry.positive("temperature"),
        energy_threshold=entry.optional_number("energy_threshold"),
        precision=entry.choice("precision", PRECISIONS),
        files=read_files(entry.object("files")),
        metrics=entry.mapping("metrics"),
        training=entry.mapping("training"),
        decision=read_decision(entry.object("decision")) if role == DETECTOR else None,
        step=read_step(entry.object("step")) if role == EXPERT else None,
        tensorrt=_tensorrt(entry),
    )


def read_name(fields, role):
    """An expert's name, by which readings, timings and files are called; a detector may have none. Raises UserError."""
    if role == DETECTOR and "name" not in fields.content:
        return None
    name = fields.text("name")
    if role == EXPERT and not NAME.match(name):
        raise fields.problem("name", name, "letters, digits and . _ - are allowed")
    return name


def read_labels(fields, role=DETECTOR):
    """What the logits speak for, in their order: one label for a detector. Raises UserError."""
    labels = fields.texts("labels")
    if role == DETECTOR and len(labels) != 1:
        raise fields.problem("labels", labels, "a detector has one label, its logit's")
    if len(set(labels)) != len(labels):
        raise fields.problem("labels", labels, "each label may be there once")
    return labels


def read_normalisation(fields, role=DETECTOR):
    """What is done to the feature before the model sees it: FrameMean or RowZScore. Raises UserError."""
    fields.choice("kind", (NORMALISATION_OF[role],))
    if role == DETECTOR:
        return FrameMean(fields.positive("scale"))
    rows = fields.integers("rows", 0, fused.N_ROWS - 1)
    if len(set(rows)) != len(rows):
        raise fields.problem("rows", rows, "each row may be there once")
    mean, deviation = fields.numbers("mean", len(rows)), fields.numbers("deviation", len(rows))
    if min(deviation) <= 0.0:
        raise fields.problem("deviation", deviation, "every deviation must be above 0, the least is {:g}".format(
            min(deviation)))
    return RowZScore(rows, mean, deviation)


def read_feature(fields, role=DETECTOR):
    """The feature a model was trained on. Raises UserError unless edge/dsp computes exactly that."""
    name = fields.choice("name", (FEATURE_OF[role],))
    parameters = fields.mapping("parameters")
    check_feature_parameters(parameters, name, fields.where)
    return Feature(name, parameters, fields.number("band_hz", 1.0, stft.NYQUIST_HZ) if role == EXPERT else None)


def check_feature_parameters(parameters, name, where):
    """Raise UserError, starting with `where`, unless the parameters are those that edge/dsp computes."""
    expected = FEATURES[name]
    for key in sorted(set(expected) | set(parameters)):
        if key not in parameters or key not in expected or parameters[key] != expected[key]:
            raise UserError("{}: feature {} has {} = {!r}, this version computes {!r}: use a model trained "
                            "with the same features".format(where, name, key, parameters.get(key),
                                                            expected.get(key)))


def read_step(fields):
    """How an expert is fed. Raises UserError."""
    return Step(fields.integer("columns", 1), fields.integer("window_columns", 1))


def read_decision(fields):
    """The thresholds on p(cry). Raises UserError when those of the hysteresis cross."""
    lasting = fields.probability("lasting_threshold") if "lasting_threshold" in fields.content else None
    decision = Decision(fields.probability("open_threshold"), fields.probability("close_threshold"), lasting)
    if decision.close_threshold > decision.open_threshold:
        raise fields.problem("close_threshold", decision.close_threshold, "at most open_threshold is allowed")
    return decision


def read_fusion(fields, experts):
    """FusionSettings for experts with `name` and `labels`, None when there are none.

    Raises UserError for settings that are not there or cannot be, for experts of one name, and for experts that no
    shared label joins.
    """
    content = fields.optional_mapping("fusion")
    if not experts:
        if content is not None:
            raise fields.problem("fusion", content, "null is expected where there is no expert")
        return None
    names = [expert.name for expert in experts]
    if len(set(names)) != len(names):
        raise fields.problem("models", names, "each expert needs a name of its own")
    settings = fields.object("fusion")
    method, tau = settings.choice("method", METHODS), settings.number("tau", 0.0)
    try:
        Fusion({expert.name: expert.labels for expert in experts}, method, tau)
    except UserError as error:
        raise UserError("{}: {}".format(fields.where, error)) from error
    return FusionSettings(method, tau, _read_rule(settings.object("uncertain")))


def _read_rule(fields):
    return UncertainRule(
        threshold=fields.optional_share("threshold"),
        risk=fields.probability("risk"),
        coverage=fields.number("coverage", 0.0, 1.0),
        measured_risk=fields.optional_share("measured_risk"),
        n_validation=fields.integer("n_validation", 0),
    )


def _tensorrt(entry):
    """Bundles that are not for TensorRT, all older ones among them, do not have the key."""
    if "tensorrt" not in entry.content:
        return None
    fields = entry.object("tensorrt")
    tensorrt = TensorRt(fields.choice("precision", TENSORRT_PRECISIONS))
    if "onnx" not in entry.mapping("files"):
        raise entry.problem("tensorrt", entry.content["tensorrt"], "that needs an onnx file")
    return tensorrt
