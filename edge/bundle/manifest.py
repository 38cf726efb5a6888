"""manifest.json: what is in a bundle, read strictly and checked against what goes with what."""

import hashlib
import os
from typing import List, NamedTuple, Optional

from edge.bundle.fields import ADVICE, Fields
from edge.bundle.files import MANIFEST_NAME
from edge.bundle.model import DENOISER, DETECTOR, EMBEDDING, EXPERT, VERIFIER, Model, read_model
from edge.decision.fusion import METHODS, Fusion
from edge.decision.uncertain import UncertainRule
from edge.errors import UserError
from edge.files import read_regular
from edge.untrusted import MAX_DOCUMENT_BYTES, parse_json

SCHEMA = 1
LEFT_OUT = "the verifier is left out, and the detector decides alone: {}"


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
    left_out: List[str] = []  # why a verifier is not among the models, one line


def read_manifest(directory):
    """Read and validate DIRECTORY/manifest.json. Returns a Manifest.

    Raises UserError naming the file, the key and the value when it is missing, truncated, malformed, of a
    newer schema, or made for features other than edge/dsp computes.
    """
    path = os.path.join(directory, MANIFEST_NAME)
    try:
        content = read_regular(path, MAX_DOCUMENT_BYTES)
    except UserError as error:
        raise UserError("no bundle in {}: {}; name a directory that holds one".format(directory, error)) from error
    document = parse_json(content, path, advice="it is damaged, copy or export the bundle again")
    top = Fields(document, path)
    schema = top.integer("schema", 1)
    if schema > SCHEMA:
        raise UserError(
            "{}: schema {} is newer than {}, the newest this version reads: update cry-monitor".format(
                path, schema, SCHEMA
            )
        )
    models, left_out = read_models(top)
    check_roles(models, path)
    check_denoising(models, path)
    return Manifest(
        schema,
        top.text("name"),
        top.text("version"),
        models,
        read_fusion(top, experts_of(models)),
        hashlib.sha256(content).hexdigest(),
        left_out,
    )


def read_models(top):
    """([Model], why a verifier is not among them). Raises UserError for any other model that cannot be read."""
    models, left_out = [], []
    for entry in top.objects("models"):
        try:
            models.append(read_model(entry))
        except UserError as error:
            if entry.content.get("role") != VERIFIER:
                raise
            left_out.append(LEFT_OUT.format(error))
    return models, left_out


def experts_of(models):
    """The experts among models, in their order."""
    return [model for model in models if model.role == EXPERT]


def denoiser_of(models):
    """The denoiser among models, or None."""
    return next((model for model in models if model.role == DENOISER), None)


def check_roles(models, where):
    """Raise UserError, starting with `where`, unless there is one detector, and of others but experts one at most."""
    roles = [model.role for model in models]
    if roles.count(DETECTOR) != 1:
        raise UserError(
            "{}: models has the roles {}, exactly one detector is needed: export the bundle again".format(where, roles)
        )
    for role in (DENOISER, VERIFIER, EMBEDDING):
        if roles.count(role) > 1:
            raise UserError(
                "{}: models has the roles {}, at most one {} is allowed: export the bundle again".format(
                    where, roles, role
                )
            )


def check_denoising(models, where):
    """Raise UserError, starting with `where`, unless experts behind a denoiser see frames as it gives them.

    models: anything with role, name, feature, normalisation and is_denoised, see Model.
    """
    denoiser = denoiser_of(models)
    for model in models:
        if not model.is_denoised:
            continue
        if denoiser is None:
            raise UserError(
                "{}: the expert {} is denoised, and there is no denoiser among the models: {}".format(
                    where, model.name, ADVICE
                )
            )
        for what, its, wanted in (
            ("{n_mels} bands", model.feature.parameters, denoiser.feature.parameters),
            ("the scale {scale:g}", model.normalisation._asdict(), denoiser.normalisation._asdict()),
        ):
            if its != wanted:
                raise UserError(
                    "{}: the expert {} was trained behind a denoiser with {}, the denoiser has {}: train "
                    "and export the two together".format(where, model.name, what.format(**its), what.format(**wanted))
                )


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
