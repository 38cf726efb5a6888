"""One model of a bundle as manifest.json describes it, read strictly."""

import math
import re
from typing import Any, Dict, List, NamedTuple, Optional, Union

from edge.bundle.files import PRECISIONS, FileEntry, read_files
from edge.bundle.own_features import (
    NORMALISATIONS,
    CryLabels,
    FrameZScore,
    check_parameters,
    read_cry_labels,
    read_streamed,
)
from edge.dsp import frame_features, fused, log_mel, stft, yamnet_patch
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS
from edge.text import shown

DETECTOR, VERIFIER, DENOISER, EXPERT, EMBEDDING = ROLES = ("detector", "verifier", "denoiser", "expert", "embedding")
TENSORRT_PRECISIONS = ("fp16", "int8", "fp32")
LOG_MEL, FUSED, PATCH = "log_mel", "fused", yamnet_patch.NAME
FEATURES = {
    LOG_MEL: log_mel.PARAMETERS,
    FUSED: fused.PARAMETERS,
    PATCH: yamnet_patch.PARAMETERS,
}  # what this version computes
BAND_COUNTS = (64, 128)  # of log_mel, for the denoiser and for experts; of others the first
# Models made for other features are refused.
FEATURES_OF = {
    DETECTOR: (LOG_MEL,) + frame_features.NAMES,
    VERIFIER: (PATCH,),
    DENOISER: (LOG_MEL,),
    EXPERT: (FUSED, LOG_MEL),
    EMBEDDING: (LOG_MEL,),
}
NORMALISATION_OF = {LOG_MEL: "frame_mean", FUSED: "row_z_score", PATCH: "none"}
SENSITIVITIES = LOW, NORMAL, HIGH = ("low", "normal", "high")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*$")  # of an expert; file names are made of it
LONGEST_PARAMETER = 400  # characters of one that is shown


class Feature(NamedTuple):
    """What the model looks at, with every parameter that shapes it."""

    name: str
    parameters: Dict[str, Any]
    band_hz: Optional[float]  # of fused columns: power above it counts as none


class FrameMean(NamedTuple):
    """What looks at log-mel frames sees (x - x.mean()) / scale over each."""

    scale: float


class RowZScore(NamedTuple):
    """What looks at fused columns sees some of the rows, each as (x - mean) / deviation."""

    rows: List[int]
    mean: List[float]
    deviation: List[float]


class Step(NamedTuple):
    """How an expert is fed, and how many columns its answer is about when there are that many.

    Of fused columns it takes so many at a time; log-mel frames lie so many columns apart.
    """

    columns: int
    window_columns: int


class Thresholds(NamedTuple):
    """Hysteresis on the smoothed probability; the mean over some seconds that opens an episode too, or None."""

    open_threshold: float
    close_threshold: float
    lasting_threshold: Optional[float]


class Sensitivity(NamedTuple):
    """Thresholds that go by a name, and what they came to on recordings that none of the models had heard."""

    thresholds: Thresholds
    false_alarms_per_hour: float
    cries_found: float  # share


class Decision(NamedTuple):
    """The thresholds of the sensitivity "normal", and those of every other that was measured."""

    thresholds: Thresholds
    sensitivities: Dict[str, Sensitivity]
    tuned: str = ""  # where these thresholds were tuned to a home: what that came to there, in words


class Cascade(NamedTuple):
    """When a verifier is asked, and what its answer counts beside the detector's.

    p(cry) = sigmoid(bias + detector_weight * detector's logit + sum(weights * verifier's logits)), with the constants
    `unasked` in place of the verifier's logits where it has no answer.
    """

    gate: float  # the detector's probability from which on it is suspicious
    hold_s: float  # suspicion outlasts the last such frame by so much
    bias: float
    detector_weight: float
    weights: List[float]  # one for each of the verifier's labels
    unasked: List[float]


class TensorRt(NamedTuple):
    """That TensorRT is to be tried first, and in which precision."""

    precision: str


class Model(NamedTuple):
    """One model of a bundle."""

    role: str
    name: Optional[str]  # an expert's, unique; the others need none
    feature: Feature
    normalisation: Union[FrameMean, FrameZScore, RowZScore, None]
    labels: List[str]  # of what gives logits, as the next two
    temperature: Optional[float]
    energy_threshold: Optional[float]
    precision: str
    files: Dict[str, FileEntry]  # by kind, see FILE_KINDS
    metrics: Dict[str, Any]  # with the split they were measured on
    training: Dict[str, Any]  # corpora and their licences
    decision: Optional[Decision]  # a detector's, a verifier's
    cascade: Optional[Cascade]  # a verifier's
    step: Optional[Step]  # an expert's
    is_denoised: bool  # it sees frames through the bundle's denoiser
    tensorrt: Optional[TensorRt]  # None: the model is not meant for TensorRT
    cry_labels: Optional[CryLabels] = None  # of a detector with several labels
    dimensions: Optional[int] = None  # of an embedding

    @property
    def title(self):
        """What a person reads, and what its TensorRT engine is kept under: "detector", "expert android"."""
        return "expert " + self.name if self.role == EXPERT else self.role


def read_model(entry):
    """The Model of one of a manifest's `models`, as Fields. Raises UserError."""
    role = entry.choice("role", ROLES)
    feature = read_feature(entry.object("feature"), role)
    has_logits = role not in (DENOISER, EMBEDDING)
    labels = read_labels(entry, role) if has_logits else []
    return Model(
        role=role,
        name=read_name(entry, role),
        labels=labels,
        feature=feature,
        normalisation=read_normalisation(entry.object("normalisation"), feature.name, role, feature.parameters),
        temperature=entry.positive("temperature") if has_logits else None,
        energy_threshold=entry.optional_number("energy_threshold") if has_logits else None,
        precision=entry.choice("precision", PRECISIONS),
        files=read_files(entry.object("files")),
        metrics=entry.mapping("metrics"),
        training=entry.mapping("training"),
        decision=read_decision(entry.object("decision")) if role in (DETECTOR, VERIFIER) else None,
        cascade=read_cascade(entry.object("cascade"), len(entry.texts("labels"))) if role == VERIFIER else None,
        step=read_step(entry.object("step"), feature.name) if role == EXPERT else read_streamed(entry, feature, Step),
        is_denoised=entry.truth("denoised") if role == EXPERT and feature.name == LOG_MEL else False,
        tensorrt=_tensorrt(entry),
        cry_labels=read_cry_labels(entry, labels) if role == DETECTOR else None,
        dimensions=entry.integer("dimensions", 2) if role == EMBEDDING else None,
    )


def read_name(fields, role):
    """An expert's name, by which readings, timings and files are called; others may have none. Raises UserError."""
    if role != EXPERT and "name" not in fields.content:
        return None
    name = fields.text("name")
    if role == EXPERT and not NAME.match(name):
        raise fields.problem("name", name, "letters, digits and . _ - are allowed")
    return name


def read_labels(fields, role=DETECTOR):
    """What the logits speak for, in their order; of a detector several need "cry_labels". Raises UserError."""
    labels = fields.texts("labels")
    if role == DETECTOR and len(labels) > 1 and "cry_labels" not in fields.content:
        raise fields.problem("labels", labels, 'of several, "cry_labels" must name those that are cries')
    if len(set(labels)) != len(labels):
        raise fields.problem("labels", labels, "each label may be there once")
    return labels


def read_normalisation(fields, feature=LOG_MEL, role=None, parameters=None):
    """What is done to a feature before the model sees it: a detector's may be any. Raises UserError."""
    kinds = NORMALISATIONS if role == DETECTOR else (NORMALISATION_OF[feature],)
    kind = fields.choice("kind", kinds)
    if kind == "none":
        return None
    if kind == "frame_mean":
        return FrameMean(fields.positive("scale"))
    if kind == "frame_z_score":
        return FrameZScore(fields.positive("epsilon"))
    n_rows = frame_features.frame_shape(feature, parameters)[1] if role == DETECTOR else fused.N_ROWS
    rows = fields.integers("rows", 0, n_rows - 1)
    if len(set(rows)) != len(rows):
        raise fields.problem("rows", rows, "each row may be there once")
    mean, deviation = fields.numbers("mean", len(rows)), fields.numbers("deviation", len(rows))
    if min(deviation) <= 0.0:
        raise fields.problem(
            "deviation", deviation, "every deviation must be above 0, the least is {:g}".format(min(deviation))
        )
    return RowZScore(rows, mean, deviation)


def read_feature(fields, role=DETECTOR):
    """The feature a model was trained on. Raises UserError unless edge/dsp computes exactly that."""
    name = fields.choice("name", FEATURES_OF[role])
    parameters = fields.mapping("parameters")
    if role == DETECTOR and name != LOG_MEL:
        check_parameters(fields.object("parameters"), name)
        return Feature(name, parameters, fields.number("band_hz", 1.0, stft.NYQUIST_HZ) if name == FUSED else None)
    check_feature_parameters(
        parameters, name, fields.where, BAND_COUNTS[:1] if role in (DETECTOR, EMBEDDING) else BAND_COUNTS
    )
    return Feature(name, parameters, fields.number("band_hz", 1.0, stft.NYQUIST_HZ) if name == FUSED else None)


def check_feature_parameters(parameters, name, where, band_counts=BAND_COUNTS):
    """Raise UserError, starting with `where`, unless the parameters are those that edge/dsp computes."""
    allowed = {key: (value,) for key, value in FEATURES[name].items()}
    if name == LOG_MEL:
        allowed["n_mels"] = band_counts
    for key in sorted(set(allowed) | set(parameters)):
        if key not in parameters or key not in allowed or parameters[key] not in allowed[key]:
            raise UserError(
                "{}: feature {} has {} = {}, this version computes {}: use a model trained "
                "with the same features".format(
                    where, name, key, _whole(parameters.get(key)), " or ".join(map(_whole, allowed.get(key, (None,))))
                )
            )


def _whole(value):
    return shown(value, LONGEST_PARAMETER)


def read_step(fields, feature=FUSED):
    """How an expert is fed. Raises UserError."""
    if feature == FUSED:
        return Step(fields.integer("columns", 1), fields.integer("window_columns", 1))
    columns, window_columns = fields.integer("columns", FRAME_HOP_COLUMNS), fields.integer("window_columns", 1)
    if window_columns != FRAME_COLUMNS:
        raise fields.problem("window_columns", window_columns, "a log_mel frame has {}".format(FRAME_COLUMNS))
    return Step(columns, window_columns)


def read_decision(fields):
    """The thresholds on p(cry), by sensitivity where there are several. Raises UserError."""
    sensitivities = {}
    if "sensitivities" in fields.content:
        of_name = fields.object("sensitivities")
        for name in SENSITIVITIES:
            entry = of_name.object(name)
            sensitivities[name] = Sensitivity(
                _thresholds(entry),
                entry.number("false_alarms_per_hour", 0.0),
                entry.number("cries_found", 0.0, 1.0),
            )
    return Decision(_thresholds(fields), sensitivities)


def _thresholds(fields):
    """Raises UserError when the thresholds of the hysteresis cross."""
    lasting = fields.probability("lasting_threshold") if "lasting_threshold" in fields.content else None
    thresholds = Thresholds(fields.probability("open_threshold"), fields.probability("close_threshold"), lasting)
    if thresholds.close_threshold > thresholds.open_threshold:
        raise fields.problem("close_threshold", thresholds.close_threshold, "at most open_threshold is allowed")
    return thresholds


def read_cascade(fields, n_labels):
    """When a verifier of so many labels is asked, and what its answer counts. Raises UserError."""
    return Cascade(
        gate=fields.probability("gate"),
        hold_s=fields.number("hold_s", 0.0, 60.0),
        bias=fields.number("bias", -math.inf),
        detector_weight=fields.number("detector_weight", 0.0),
        weights=fields.numbers("weights", n_labels),
        unasked=fields.numbers("unasked", n_labels),
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
