"""Calibration data: feature tensors, never audio, in parts that share no group.

DIR/ROLE_FEATURE.npz holds quantise and parity, each (N, 98, 64) float16 log-mel, and y_parity, (N,), 1 where
the frame is the label. DIR/manifest.json holds the feature with its parameters, and the SHA-256 of the tensors.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.bundle.detector import normalise
from edge.bundle.fields import Fields
from edge.bundle.manifest import read_feature
from edge.engines.base import one_line
from edge.errors import UserError
from export.source_model import SourceModel

DEFAULT_CALIBRATION_DIR = Path(__file__).resolve().parent.parent / "calibration_data"
MANIFEST_NAME = "manifest.json"
ARRAYS = ("quantise", "parity", "y_parity")


@dataclass(frozen=True)
class Calibration:
    """Normalised network inputs, float32 (N, 98, 64, 1), and the labels of the parity part, bool (N,)."""

    quantise: np.ndarray
    parity: np.ndarray
    parity_labels: np.ndarray


def load_calibration(directory: Path, model: SourceModel) -> Calibration:
    """Read the tensors for a model and normalise them as it wants.

    Raises UserError when they are missing, damaged, or were computed with other feature parameters.
    """
    feature = model.description["feature"]
    digest = read_manifest(directory / MANIFEST_NAME, feature["name"])
    path = directory / f"{model.role}_{feature['name']}.npz"
    arrays = read_arrays(path, digest)
    shape = (feature["parameters"]["frame_columns"], feature["parameters"]["n_mels"])
    for name in ("quantise", "parity"):
        check_tensors(arrays[name], shape, f"{path}: {name}")
    if arrays["y_parity"].shape != (len(arrays["parity"]),):
        raise UserError(
            f"{path}: y_parity has shape {arrays['y_parity'].shape}, one label per parity tensor "
            f"({len(arrays['parity'])}) is needed"
        )
    return Calibration(
        normalised(arrays["quantise"], model.scale),
        normalised(arrays["parity"], model.scale),
        arrays["y_parity"] >= 0.5,
    )


def read_arrays(path: Path, digest: str) -> dict[str, np.ndarray]:
    """The arrays of the .npz file by name. Raises UserError when it is missing, damaged or not the expected one."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read calibration data {path} ({error.strerror}): name its directory with --calibration"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(
            f"calibration data {path} does not have the SHA-256 in {MANIFEST_NAME} ({digest[:12]}...): it is damaged "
            f"or of another run, regenerate both"
        )
    try:
        with np.load(io.BytesIO(content)) as stored:
            return {name: stored[name] for name in ARRAYS}
    except Exception as error:  # KeyError, ValueError, zipfile.BadZipFile: a foreign file
        raise UserError(
            f"calibration data {path} is unusable ({one_line(error)}): it needs the arrays {', '.join(ARRAYS)}"
        ) from error


def read_manifest(path: Path, feature_name: str) -> str:
    """The SHA-256 that the tensors must have. Raises UserError unless they hold what edge/dsp computes."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"cannot read {path} ({error.strerror}): name the calibration directory with --calibration"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{path} is not valid JSON ({one_line(error)}): regenerate the calibration data"
        ) from error
    fields = Fields(content, str(path))
    feature = read_feature(fields.object("feature"))
    if feature.name != feature_name:
        raise UserError(
            f"{path} holds {feature.name} tensors, the model looks at {feature_name}: name other "
            f"calibration data with --calibration"
        )
    return fields.text("sha256")


def check_tensors(tensors: np.ndarray, shape: tuple[int, int], where: str) -> None:
    """Raise UserError unless there is at least one tensor, each finite and of that shape."""
    if tensors.ndim != 3 or tensors.shape[1:] != shape or len(tensors) == 0:
        raise UserError(
            f"{where} has shape {tensors.shape}, (N, {shape[0]}, {shape[1]}) with N > 0 is needed"
        )
    if not np.isfinite(tensors).all():
        raise UserError(f"{where} holds NaN or infinite values: regenerate the calibration data")


def normalised(tensors: np.ndarray, scale: float) -> np.ndarray:
    """Log-mel frames (N, 98, 64) as the network sees them, float32 (N, 98, 64, 1)."""
    inputs = np.empty((*tensors.shape, 1), np.float32)
    for frame, out in zip(tensors.astype(np.float32), inputs, strict=True):
        normalise(frame, scale, out=out[:, :, 0])
    return inputs
