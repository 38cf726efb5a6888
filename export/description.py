"""model.json: what the exporter must know of a model, with defaults for all but its labels and feature."""

import json
from pathlib import Path
from typing import Any

from edge.bundle.fields import Fields
from edge.bundle.manifest import (
    FEATURES,
    ROLES,
    read_decision,
    read_feature,
    read_labels,
    read_normalisation,
)
from edge.engines.base import one_line
from edge.errors import UserError

DESCRIPTION_NAME = "model.json"
DEFAULTS: dict[str, Any] = {
    "role": "detector",
    "version": "0",
    "normalisation": {"kind": "frame_mean", "scale": 3.0},
    "temperature": None,  # fitted on the temperature part of the calibration data
    "decision": {"open_threshold": 0.6, "close_threshold": 0.4},
    "layers": [],
    "metrics": {},
    "training": {},
}
HELP = """model.json, with three keys of your own:
  {"labels": ["cry"], "feature": "log_mel", "temperature": 1.0}

  labels        what the network's logit speaks for; a detector has one
  feature       the name of a feature of this version (log_mel: 98 columns of 64 bands, ln), or an object with
                "name" and all "parameters", which are then compared with what this version computes
  temperature   logits are divided by it; absent or null: fitted on the temperature part of the calibration data
  normalisation {"kind": "frame_mean", "scale": 3.0}: the network sees (x - mean of the frame) / scale
  decision      {"open_threshold": 0.6, "close_threshold": 0.4}: the hysteresis on p(cry)
  layers        ["my_package.layers"]: modules that register custom Keras layers; they may lie beside model.json
  name, version, metrics, training: shown and kept in the manifest
  metrics.parity_auc: AUC found in training on the parity part; the export fails when the model no longer has it
"""


def read_description(path: Path) -> dict[str, Any]:
    """model.json as a dict with every key that the manifest needs, checked. Raises UserError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {path} ({error.strerror}): it tells labels, feature and temperature of the model, "
            f"see edge-export --help"
        ) from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({one_line(error)}): repair it") from error
    given = Fields(content, str(path)).content
    name = path.absolute().parent.name or "model"
    description = {"name": name, **DEFAULTS, **given}
    feature = description.get("feature")
    if isinstance(feature, str) and feature in FEATURES:
        description["feature"] = {"name": feature, "parameters": dict(FEATURES[feature])}
    check(Fields(description, str(path)))
    return description


def check(fields: Fields) -> None:
    """Raise UserError, naming the key, unless the description can be exported."""
    fields.choice("role", ROLES)
    fields.text("name")
    fields.text("version")
    read_labels(fields)
    read_feature(fields.object("feature"))
    read_normalisation(fields.object("normalisation"))
    if fields.content["temperature"] is not None:
        fields.positive("temperature")
    read_decision(fields.object("decision"))
    if fields.content["layers"] != []:
        fields.texts("layers")
    metrics = fields.object("metrics")
    if "parity_auc" in metrics.content:
        metrics.probability("parity_auc")
    fields.mapping("training")
