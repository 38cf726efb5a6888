"""From yamnet.tflite and recordings to a model directory: verifier.keras and model.json, which edge-export reads."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from edge import __version__
from edge.bundle.fields import Fields
from edge.bundle.model import Cascade, read_cascade
from edge.dsp.yamnet_patch import NAME, PARAMETERS
from edge.untrusted import read_json
from training.data.corpora import FOLDS, UNVERIFIED, Clip
from training.data.selection import corpora_of
from training.layers.yamnet import build_yamnet
from training.verifier.config import CLASSES
from training.verifier.fusion import fit
from training.verifier.hearing import Network, tflite_network
from training.verifier.material import hear_all, material

SHIPPED = Path(__file__).resolve().parents[1] / "models" / "verifier"
MODEL, DESCRIPTION = "verifier.keras", "model.json"


def make_verifier(
    data: Sequence[Path], yamnet: Path, detectors: Path, decision: dict[str, Any], metrics: dict[str, Any], work: Path,
    out: Path,
) -> None:  # fmt: skip
    """Rebuild the network, fit the fusion on every clip of the folders, and write the model directory `out`.

    detectors: folder of fold1..fold4, bundles of the detectors that never heard their fold.
    """
    model = build_yamnet(yamnet, list(CLASSES.values()))
    clips = material(data)
    heard = hear_all(clips, fold_detectors(detectors), model.predict_on_batch, work)
    cascade = fit(clips, heard)
    out.mkdir(parents=True, exist_ok=True)
    save_packed(model, out / MODEL)
    description = describe(model, clips, cascade, decision, metrics)
    (out / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n")
    print(f"wrote {out}: {model.count_params()} parameters, {(out / MODEL).stat().st_size} bytes")


def fold_detectors(folder: Path) -> dict[int, Network]:
    """The detector of each fold as it runs on the device."""
    return {fold: tflite_network(folder / f"fold{fold}" / "detector.int8.tflite") for fold in FOLDS}


def save_packed(model: keras.Model, path: Path) -> None:
    """Write a .keras file, compressed: of the weights, int8 in origin, each channel has 255 values at most."""
    plain = path.with_suffix(".plain.keras")
    model.save(plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in source.namelist():
            packed.writestr(name, source.read(name))
    plain.unlink()


def describe(
    model: keras.Model, clips: Sequence[Clip], cascade: Cascade, decision: dict[str, Any], metrics: dict[str, Any]
) -> dict[str, Any]:
    """model.json: what export and the bundle need to know of the model."""
    fitted_on = [clip for clip in clips if clip.detector_label != UNVERIFIED]
    return {
        "role": "verifier",
        "name": "cry-verifier",
        "version": __version__,
        "labels": list(CLASSES),
        "feature": {"name": NAME, "parameters": PARAMETERS},
        "normalisation": {"kind": "none"},
        "temperature": 1.0,
        "cascade": {name: rounded(value) for name, value in cascade._asdict().items()},
        "decision": decision,
        "metrics": metrics,
        "training": {
            "weights": "YAMNet (TensorFlow Models, Apache-2.0), dequantised; three of its 521 classes",
            "fitted": "bias and scale of the cascade, on the corpora below",
            "corpora": corpora_of(fitted_on),
            "parameters": model.count_params(),
        },
    }


def rounded(value: float | list[float]) -> float | list[float]:
    """A fitted number as it is worth writing down."""
    return [round(v, 4) for v in value] if isinstance(value, list) else round(value, 4)


def shipped_cascade(folder: Path = SHIPPED) -> Cascade:
    """The cascade of a model directory."""
    content = read_json(folder / DESCRIPTION, finite=False)
    return read_cascade(Fields(content["cascade"], str(folder)), len(content["labels"]))


def shipped_network(folder: Path = SHIPPED) -> Network:
    """The network of a model directory, in float."""
    return keras.saving.load_model(folder / MODEL).predict_on_batch
