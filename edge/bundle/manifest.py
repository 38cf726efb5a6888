"""manifest.json: what is in a bundle, read strictly and checked against the files beside it."""

import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional

from edge.bundle.fields import Fields
from edge.dsp import log_mel
from edge.errors import UserError

SCHEMA = 1
MANIFEST_NAME = "manifest.json"
ROLES = ("detector",)
PRECISIONS = ("fp32", "fp16", "dynamic", "int8")
# Every kind of file a model may have. What TensorRT makes of them is in edge/engines/tensorrt.
FILE_KINDS = (
    "tflite",
    "onnx",  # what onnxruntime runs; for TensorRT fp32, or int8 with Q/DQ
    "onnx_typed",  # fp16 in its types, for strongly typed TensorRT networks
    "onnx_fp32",  # with the calibration cache: int8 for a TensorRT that does not read Q/DQ
    "calibration_cache",
)
RUNNABLE_KINDS = ("tflite", "onnx")
TENSORRT_PRECISIONS = ("fp16", "int8")
NORMALISATIONS = ("frame_mean",)
FEATURES = {"log_mel": log_mel.PARAMETERS}  # what this version computes; other models are refused
READ_AT_ONCE = 1 << 20  # bytes


class Feature(NamedTuple):
    """What the model looks at, with every parameter that shapes it."""

    name: str
    parameters: Dict[str, Any]


class Normalisation(NamedTuple):
    """frame_mean: (x - x.mean()) / scale over the frame."""

    kind: str
    scale: float


class Decision(NamedTuple):
    """Hysteresis on the smoothed probability; the mean over some seconds that opens an episode too, or None."""

    open_threshold: float
    close_threshold: float
    lasting_threshold: Optional[float]


class FileEntry(NamedTuple):
    """A model file: where it is inside the bundle, and what it must be."""

    path: str
    bytes: int
    sha256: str
    precision: str


class TensorRt(NamedTuple):
    """That TensorRT is to be tried first, and in which precision."""

    precision: str


class Model(NamedTuple):
    """One model of a bundle."""

    role: str
    feature: Feature
    normalisation: Normalisation
    labels: List[str]
    temperature: float
    energy_threshold: Optional[float]
    precision: str
    files: Dict[str, FileEntry]  # by kind, see FILE_KINDS
    metrics: Dict[str, Any]  # with the split they were measured on
    training: Dict[str, Any]  # corpora and their licences
    decision: Decision
    tensorrt: Optional[TensorRt]  # None: the model is not meant for TensorRT


class Manifest(NamedTuple):
    """A bundle's manifest, validated; the files are not yet verified."""

    schema: int
    name: str
    version: str
    models: List[Model]
    fusion: Optional[Dict[str, Any]]
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
    if roles.count("detector") != 1:
        raise UserError("{}: models has the roles {}, exactly one detector is needed: export the bundle "
                        "again".format(path, roles))
    return Manifest(schema, top.text("name"), top.text("version"), models, top.optional_mapping("fusion"),
                    hashlib.sha256(content).hexdigest())


def _model(entry):
    return Model(
        role=entry.choice("role", ROLES),
        labels=read_labels(entry),
        feature=read_feature(entry.object("feature")),
        normalisation=read_normalisation(entry.object("normalisation")),
        temperature=entry.positive("temperature"),
        energy_threshold=entry.optional_number("energy_threshold"),
        precision=entry.choice("precision", PRECISIONS),
        files=_files(entry.object("files")),
        metrics=entry.mapping("metrics"),
        training=entry.mapping("training"),
        decision=read_decision(entry.object("decision")),
        tensorrt=_tensorrt(entry),
    )


def read_labels(fields):
    """A detector's labels: exactly one, what its logit speaks for. Raises UserError."""
    labels = fields.texts("labels")
    if len(labels) != 1:
        raise fields.problem("labels", labels, "a detector has one label, its logit's")
    return labels


def read_normalisation(fields):
    """How a frame is normalised before the model sees it. Raises UserError."""
    return Normalisation(fields.choice("kind", NORMALISATIONS), fields.positive("scale"))


def read_feature(fields):
    """The feature a model was trained on. Raises UserError unless edge/dsp computes exactly that."""
    name = fields.choice("name", sorted(FEATURES))
    parameters = fields.mapping("parameters")
    check_feature_parameters(parameters, name, fields.where)
    return Feature(name, parameters)


def check_feature_parameters(parameters, name, where):
    """Raise UserError, starting with `where`, unless the parameters are those that edge/dsp computes."""
    expected = FEATURES[name]
    for key in sorted(set(expected) | set(parameters)):
        if key not in parameters or key not in expected or parameters[key] != expected[key]:
            raise UserError("{}: feature {} has {} = {!r}, this version computes {!r}: use a model trained "
                            "with the same features".format(where, name, key, parameters.get(key),
                                                            expected.get(key)))


def read_decision(fields):
    """The thresholds on p(cry). Raises UserError when those of the hysteresis cross."""
    lasting = fields.probability("lasting_threshold") if "lasting_threshold" in fields.content else None
    decision = Decision(fields.probability("open_threshold"), fields.probability("close_threshold"), lasting)
    if decision.close_threshold > decision.open_threshold:
        raise fields.problem("close_threshold", decision.close_threshold, "at most open_threshold is allowed")
    return decision


def _files(fields):
    files = {}
    for kind in FILE_KINDS:
        if kind in fields.content:
            entry = fields.object(kind)
            files[kind] = FileEntry(entry.text("path"), entry.integer("bytes", 1), entry.text("sha256"),
                                    entry.choice("precision", PRECISIONS))
    if not any(kind in files for kind in RUNNABLE_KINDS):
        raise fields.problem("tflite", None, "a file is needed for one of " + ", ".join(RUNNABLE_KINDS))
    return files


def _tensorrt(entry):
    """Bundles that are not for TensorRT, all older ones among them, do not have the key."""
    if "tensorrt" not in entry.content:
        return None
    fields = entry.object("tensorrt")
    tensorrt = TensorRt(fields.choice("precision", TENSORRT_PRECISIONS))
    if "onnx" not in entry.mapping("files"):
        raise entry.problem("tensorrt", entry.content["tensorrt"], "that needs an onnx file")
    return tensorrt


def verify_files(manifest, directory):
    """Check the size and SHA-256 of every file of every model.

    Raises UserError naming the file when one is missing, differs, or lies outside the directory.
    """
    for model in manifest.models:
        for kind in sorted(model.files):
            _verify_file(model.files[kind], directory)


def _verify_file(entry, directory):
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, entry.path))
    if os.path.isabs(entry.path) or not path.startswith(os.path.join(root, "")):
        raise UserError("{}: file {!r} lies outside the bundle: refused, export the bundle again".format(
            os.path.join(directory, MANIFEST_NAME), entry.path))
    try:
        size, digest = _size_and_sha256(path)
    except OSError as error:
        raise UserError("bundle file {} cannot be read ({}): copy the bundle again".format(
            path, error.strerror)) from error
    if size != entry.bytes:
        raise UserError("bundle file {} has {} bytes, the manifest says {}: it is damaged, copy the bundle "
                        "again".format(path, size, entry.bytes))
    if digest != entry.sha256:
        raise UserError("bundle file {} has SHA-256 {}..., the manifest says {}...: it is damaged, copy the "
                        "bundle again".format(path, digest[:12], entry.sha256[:12]))


def _size_and_sha256(path):
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb") as handle:
        for chunk in iter(lambda: handle.read(READ_AT_ONCE), b""):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()
