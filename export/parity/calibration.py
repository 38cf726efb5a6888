"""Calibration data: feature tensors, never audio, in parts that share no group.

DIR/detector_log_mel.npz holds quantise, temperature and parity, each (N, 98, 64) float16 log-mel, and y_temperature and
y_parity, (N,), 1 where the frame is a cry; all that looks at such frames is judged on them. DIR/manifest.json holds the
feature with its parameters, the SHA-256 of the tensors, and for each tensor of a part its clip and its group.
DIR/verifier_patches.npz and DIR/patches.json hold the same of YAMNet's patches (N, 96, 64), in two parts.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge import untrusted
from edge.bundle.fields import Fields
from edge.bundle.model import LOG_MEL, PATCH, read_feature
from edge.errors import UserError
from edge.files import read_regular
from export.model import SourceModel

DEFAULT_CALIBRATION_DIR = Path(__file__).resolve().parents[2] / "calibration_data"
PARTS = ("quantise", "temperature", "parity")
LABELLED = ("temperature", "parity")
MAX_TENSOR_BYTES = 64 << 20


@dataclass(frozen=True)
class TensorFile:
    """One file of tensors, and the manifest that vouches for it."""

    manifest: str
    tensors: str
    parts: tuple[str, ...]

    @property
    def arrays(self) -> tuple[str, ...]:
        """What it holds, by name."""
        return (*self.parts, *(f"y_{part}" for part in self.parts if part in LABELLED))


FILES = {
    LOG_MEL: TensorFile("manifest.json", "detector_log_mel.npz", PARTS),
    PATCH: TensorFile("patches.json", "verifier_patches.npz", ("quantise", "parity")),
}


@dataclass(frozen=True)
class Provenance:
    """Where a tensor is from."""

    clip: str
    group: str
    condition: str


@dataclass(frozen=True)
class Part:
    """Tensors of one part: features (N, columns, bands), network inputs (N, columns, bands, 1); labels bool (N,)."""

    features: np.ndarray
    inputs: np.ndarray
    labels: np.ndarray | None  # None for the quantise part
    provenance: list[Provenance]

    @property
    def groups(self) -> list[str]:
        """The group of each frame."""
        return [source.group for source in self.provenance]


@dataclass(frozen=True)
class Calibration:
    """The parts of one feature."""

    quantise: Part
    parity: Part
    temperature: Part | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """Those that there are, by name."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}

    def counts(self) -> dict[str, dict[str, int]]:
        """Frames and groups of each part, for the report."""
        return {name: {"frames": len(p.features), "groups": len(set(p.groups))} for name, p in self.parts.items()}


def load_calibration(directory: Path, model: SourceModel) -> Calibration:
    """Read the tensors of a model's feature and normalise them as it wants.

    Raises UserError when they are missing, damaged, or were computed with other feature parameters, or when two
    parts share a group.
    """
    feature = model.description["feature"]
    file = FILES[feature["name"]]
    manifest, path = directory / file.manifest, directory / file.tensors
    fields = read_manifest(manifest, feature["name"], model.role)
    arrays = read_arrays(path, fields.text("sha256"), file)
    sources = fields.object("sources")
    shape = (feature["parameters"]["frame_columns"], feature["parameters"]["n_mels"])
    parts = {}
    for name in file.parts:
        check_tensors(arrays[name], shape, f"{path}: {name}")
        labels = read_labels(arrays, name, path) if name in LABELLED else None
        features = arrays[name].astype(np.float32)
        inputs = network_inputs(features, model.description["normalisation"])
        parts[name] = Part(features, inputs, labels, read_provenance(sources, name, len(features)))
    check_groups_apart(parts, manifest)
    return Calibration(**parts)


def read_arrays(path: Path, digest: str, file: TensorFile) -> dict[str, np.ndarray]:
    """The arrays of the .npz file by name. Raises UserError when it is missing, damaged or not the expected one."""
    try:
        content = read_regular(str(path), MAX_TENSOR_BYTES)
    except UserError as error:
        raise UserError(f"cannot read calibration data {error}: name its directory with --calibration") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(
            f"calibration data {path} does not have the SHA-256 in {file.manifest} ({digest[:12]}...): it is damaged "
            f"or of another run, regenerate both"
        )
    try:
        return untrusted.read_arrays(content, file.arrays, path)
    except UserError as error:
        raise UserError(
            f"calibration data {error}: it is unusable, it needs the arrays {', '.join(file.arrays)}"
        ) from error


def read_manifest(path: Path, feature_name: str, role: str) -> Fields:
    """The manifest. Raises UserError unless the tensors hold what edge/dsp computes."""
    try:
        content = untrusted.read_json(path, advice="regenerate the calibration data")
    except untrusted.Malformed:
        raise
    except UserError as error:
        raise UserError(f"cannot read {error}: name the calibration directory with --calibration") from error
    fields = Fields(content, str(path))
    feature = read_feature(fields.object("feature"), role)
    if feature.name != feature_name:
        raise UserError(
            f"{path} holds {feature.name} tensors, the model looks at {feature_name}: name other "
            f"calibration data with --calibration"
        )
    return fields


def read_labels(arrays: dict[str, np.ndarray], part: str, path: Path) -> np.ndarray:
    """The labels of a part, bool (N,). Raises UserError unless there is one per tensor and both kinds occur."""
    labels, n = arrays[f"y_{part}"], len(arrays[part])
    if labels.shape != (n,):
        raise UserError(f"{path}: y_{part} has shape {labels.shape}, one label per {part} tensor ({n}) is needed")
    present = labels >= 0.5
    if present.all() or not present.any():
        raise UserError(f"{path}: y_{part} has labels of one kind only, both are needed: regenerate it")
    return present


def read_provenance(fields: Fields, part: str, n: int) -> list[Provenance]:
    """Clip and group of each tensor of a part. Raises UserError."""
    sources = [
        Provenance(entry.text("clip"), entry.text("group"), entry.text("condition")) for entry in fields.objects(part)
    ]
    if len(sources) != n:
        raise fields.problem(part, len(sources), f"one source per tensor ({n}) is needed")
    return sources


def check_groups_apart(parts: dict[str, Part], path: Path) -> None:
    """Raise UserError when two parts share a group: what is proved on one would have been fitted on the other."""
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for group in set(part.groups):
            if seen.setdefault(group, name) != name:
                raise UserError(
                    f"{path}: group {group!r} is in the parts {seen[group]} and {name}: regenerate the calibration "
                    f"data with whole groups"
                )


def check_tensors(tensors: np.ndarray, shape: tuple[int, int], where: str) -> None:
    """Raise UserError unless there is at least one tensor, each finite and of that shape."""
    if tensors.ndim != 3 or tensors.shape[1:] != shape or len(tensors) == 0:
        raise UserError(f"{where} has shape {tensors.shape}, (N, {shape[0]}, {shape[1]}) with N > 0 is needed")
    if not np.isfinite(tensors).all():
        raise UserError(f"{where} holds NaN or infinite values: regenerate the calibration data")


def network_inputs(tensors: np.ndarray, normalisation: Mapping[str, Any]) -> np.ndarray:
    """Tensors (N, columns, bands) as a network takes them, (N, columns, bands, 1) float32."""
    if normalisation["kind"] == "none":
        return tensors.astype(np.float32)[..., None]
    return normalised(tensors, normalisation["scale"])


def normalised(log_mel: np.ndarray, scale: float) -> np.ndarray:
    """Log-mel frames (N, 98, 64) as the network sees them, float32 (N, 98, 64, 1).

    Written again and not imported from edge: what the device does is compared with this.
    """
    exact = log_mel.astype(np.float64)
    return ((exact - exact.mean(axis=(1, 2), keepdims=True)) / scale).astype(np.float32)[..., None]
