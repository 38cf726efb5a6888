"""Write a bundle so that there is either a whole one or none."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.bundle import Bundle, load_bundle
from edge.bundle.manifest import MANIFEST_NAME, SCHEMA
from edge.errors import UserError
from export.convert.files import Exported
from export.convert.quiet import quiet
from export.model import SourceModel
from export.targets import ONNX_TYPED, Target

COPIED_BESIDE = ("LICENSE*", "MODEL_CARD.md")  # the weights' own licence and card, from the model directory


def check_out(out: Path) -> None:
    """Raise UserError unless a bundle can be written to `out`: absent or empty, in a writable place."""
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file: name a directory that does not exist or is empty")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--out {out} is not empty: remove it or name another directory")
    ancestor = next(place for place in (out.absolute(), *out.absolute().parents) if place.exists())
    if not ancestor.is_dir() or not os.access(ancestor, os.W_OK | os.X_OK):
        raise UserError(f"--out {out} cannot be written ({ancestor} is not a writable directory): name another")


def bundle_manifest(
    models: list[tuple[SourceModel, list[Exported]]],
    target: Target,
    fusion: dict[str, Any] | None,
    reasons: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """manifest.json for models and their files; the bundle is called after the first.

    reasons: by a model's title, why its precision is not the target's.
    """
    first, reasons = models[0][0].description, reasons or {}
    return {
        "schema": SCHEMA,
        "name": first["name"],
        "version": first["version"],
        "models": [model_entry(model, target, files, reasons.get(model.title)) for model, files in models],
        "fusion": fusion,
    }


def model_entry(model: SourceModel, target: Target, files: list[Exported], reason: str | None = None) -> dict[str, Any]:
    """What the manifest says of one model."""
    described, precision = model.description, target.precision
    if reason:
        precision = "fp16" if ONNX_TYPED.kind in [item.file.kind for item in files] else files[0].file.precision
    entry = {
        **{key: described.get(key) for key in model.kind.manifest_keys},
        **{key: described[key] for key in model.kind.optional_keys if key in described},
        "precision": precision,
        "files": {
            item.file.kind: {
                "path": item.path,
                "bytes": len(item.content),
                "precision": item.file.precision,
                "sha256": hashlib.sha256(item.content).hexdigest(),
            }
            for item in files
        },
        "metrics": described["metrics"],
        "training": described["training"],
    }
    if reason:
        entry["precision_reason"] = reason
    if target.tolerance != 1:
        entry["tolerance"] = target.tolerance
    if target.tensorrt is not None:
        entry["tensorrt"] = {"precision": precision}
    return entry


def write_bundle(
    out: Path,
    manifest: dict[str, Any],
    contents: dict[str, bytes],
    model_dirs: Sequence[Path],
    check: Callable[[Bundle], None] = Bundle.warm_up,
) -> None:
    """Write manifest and files beside `out`, load the result as the device would, then rename it into place.

    contents: bytes by file name. check: raises UserError when the loaded bundle is not what it should be. Raises
    UserError when it cannot be written or when the device would refuse it; nothing is left behind then.
    """
    staging = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        staging.chmod(0o755)  # mkdtemp makes it private; the daemon runs as another user
        text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        for name, content in {**contents, MANIFEST_NAME: text.encode()}.items():
            write_through(staging / name, content)
        copy_beside(model_dirs, staging)
        with quiet():  # a bundle for TensorRT says at length that another engine runs it here
            bundle = load_bundle(staging)
        check(bundle)
        os.replace(staging, out)
    except OSError as error:
        raise UserError(
            f"cannot write the bundle to {out} ({error.strerror or error}): free space or name another --out"
        ) from error
    finally:
        if staging is not None and staging.exists():
            shutil.rmtree(staging, ignore_errors=True)


def copy_beside(model_dirs: Sequence[Path], folder: Path) -> None:
    """Licences and cards of the models; one whose name is taken by another gets that of its directory besides."""
    for directory in dict.fromkeys(model_dirs):
        for path in sorted(path for pattern in COPIED_BESIDE for path in directory.glob(pattern)):
            place = folder / path.name
            if place.exists() and place.read_bytes() != path.read_bytes():
                place = folder / f"{path.stem}-{directory.name}{path.suffix}"
            shutil.copyfile(path, place)


def write_through(path: Path, content: bytes) -> None:
    """Write a file and wait until it is on the disk: the rename that follows must not overtake it."""
    with open(path, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
