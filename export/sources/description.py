"""model.json: what the exporter must know of a model, with defaults for all but its labels and feature."""

import difflib
import re
from pathlib import Path
from typing import Any

from edge import untrusted
from edge.bundle.fields import Fields
from edge.bundle.model import DETECTOR, FEATURES
from edge.errors import UserError
from export.kinds.kind import ModelKind
from export.kinds.registry import ROLES, find_kind

DESCRIPTION_NAME, FUSION_NAME = "model.json", "fusion.json"
NEVER_SURE = {  # how experts without fusion.json are fused: there is a posterior, and no answer
    "method": "all",
    "tau": 1.0,
    "uncertain": {"threshold": None, "risk": 0.2, "coverage": 0.0, "measured_risk": None, "n_validation": 0},
}
HELP = """model.json, with three keys of your own:
  {"labels": ["cry"], "feature": "log_mel", "temperature": 1.0}

  labels        what the network's logit speaks for; a detector has one
  feature       the name of a feature of this version (log_mel: 98 columns of 64 bands, ln), or an object with
                "name" and all "parameters", which are then compared with what this version computes
  temperature   logits are divided by it; absent or null: fitted on the temperature part of the calibration data
                A detector may look at "mel" or "mfcc" with parameters of its own, "waveform", "fused" or
                "yamnet_patch": docs/engineer/model.md
  normalisation {"kind": "frame_mean", "scale": 3.0}: the network sees (x - mean of the frame) / scale
  step          {"columns": 20}: of a recurrent detector, that it takes a hop's columns at a time and remembers the rest
  states        {"h": "new_h"}: of such a step as ONNX or PyTorch, its inputs that are states, and what they become
  decision      {"open_threshold": 0.6, "close_threshold": 0.4}: the hysteresis on p(cry)
  layers        ["my_package.layers"]: modules that register custom Keras layers; they may lie beside model.json,
                and run only with --trust-model-code unless they are this project's
  axes          "columns_bands" or "bands_columns": of an ONNX or PyTorch model, which comes first, where the sizes do
                not tell
  graph         "my_package.module:function": called with the Keras model and model.json, it gives the functional
                Keras model that is converted (merged adapters, one step of a streamed model); absent: the model itself
  name, version, metrics, training: shown and kept in the manifest
  metrics.parity_auc: AUC found in training on the parity part; the export fails when the model no longer has it

An expert on causes, as cry-train causes writes it, has "role": "expert", a "name" of its own, several labels, the
feature "fused" with its "band_hz", the normalisation "row_z_score" with its rows, "step", a temperature and the "graph"
"training.causes.streaming:export_graph". Several
models make one bundle: each in a folder of its own in DIR, or as NAME.keras beside NAME.json, with fusion.json beside
them, the manifest's "fusion" (without it, the experts' posteriors are logged and no cause is ever named).

An expert that looks at frames, as cry-train transformer writes it, has the feature log_mel instead (64 bands, or 128 in
its parameters), a temperature, "step": {"columns": 40, "window_columns": 98}, columns of 10 ms from frame to frame, and
"denoised": whether it sees frames through the denoiser. An energy above "energy_threshold" is an unknown sound. The
denoiser, one at most, has "role": "denoiser" and maps a normalised frame to its estimate of the clean one; feature and
scale are those of the experts behind it.

An embedding, one at most, has "role": "embedding", the feature log_mel and "dimensions", the length of the vector that
it gives; only the vector's direction counts, and only where the device's owner asks whose a cry was.

A verifier, one at most, has "role": "verifier", the feature yamnet_patch, any labels, "decision" for the probability of
detector and verifier together, and "cascade": when it is asked and how its logits are weighed beside the detector's.
"""


def read_description(path: Path) -> dict[str, Any]:
    """model.json as a dict with every key that the manifest needs, checked. Raises UserError."""
    try:
        content = untrusted.read_json(path, advice="repair it")
    except untrusted.Malformed:
        raise
    except UserError as error:
        raise UserError(
            f"cannot read {error}: it tells labels, feature and temperature of the model, see edge-export --help"
        ) from error
    given = Fields(content, str(path)).content
    name = (path.absolute().parent.name if path.name == DESCRIPTION_NAME else path.stem) or "model"
    role = Fields({"role": DETECTOR, **given}, str(path)).choice("role", ROLES)
    feature = given.get("feature")
    if isinstance(feature, str) and feature in FEATURES:
        given = {**given, "feature": {"name": feature, "parameters": dict(FEATURES[feature])}}
    kind = kind_of({"role": role, **given})
    description = {
        "name": name,
        "role": role,
        "graph": None,
        "axes": None,
        **kind.defaults_on(feature_name(given)),
        **given,
    }
    check_keys(given, kind, path)
    check(Fields(description, str(path)), kind)
    return description


def check_keys(given: dict[str, Any], kind: ModelKind, path: Path) -> None:
    """Raise UserError when model.json has a key that means nothing for its kind of model: it may be a slip."""
    known = {"name", "graph", "axes", *kind.defaults, *kind.manifest_keys, *kind.optional_keys, *kind.unread_keys}
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            meant = f"is {near[0]!r} meant? " if near else ""
            raise UserError(f"{path}: unknown key {key!r}: {meant}a {kind.role} has {', '.join(sorted(known))}")


def kind_of(description: dict[str, Any]) -> ModelKind:
    """The kind of model that a description is of."""
    streamed = description["role"] == DETECTOR and "step" in description
    return find_kind(description["role"], feature_name(description), streamed)


def feature_name(description: dict[str, Any]) -> str | None:
    """What it looks at, where that is told."""
    feature = description.get("feature")
    return feature.get("name") if isinstance(feature, dict) else None


def check(fields: Fields, kind: ModelKind) -> None:
    """Raise UserError, naming the key, unless the description can be exported."""
    kind.check(fields)
    if fields.content["layers"] != []:
        fields.texts("layers")
    graph = fields.content["graph"]
    if graph is not None and not (isinstance(graph, str) and re.fullmatch(r"[\w.]+:\w+", graph)):
        raise fields.problem("graph", graph, 'a function is expected as "package.module:function"')
    metrics = fields.object("metrics")
    if "parity_auc" in metrics.content:
        metrics.probability("parity_auc")
    fields.mapping("training")
