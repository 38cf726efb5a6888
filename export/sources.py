"""The models of one bundle: a directory with one model, or one with a detector, experts and how they are fused."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge.bundle.fields import Fields
from edge.bundle.manifest import DETECTOR, EXPERT, read_fusion
from edge.engines.base import one_line
from edge.errors import UserError
from export.description import DESCRIPTION_NAME, FUSION_NAME, NEVER_SURE, read_description
from export.source_model import SourceModel, load_source_model

DEFAULT_MODEL_DIR = Path(__file__).resolve().parent.parent / "training" / "models"

NO_DETECTOR = "no detector among the models: the one that ships goes into the bundle with them"
NO_FUSION = f"no {FUSION_NAME} beside the experts: the bundle logs their posteriors and never names a cause"


@dataclass(frozen=True)
class Sources:
    """What a bundle is made of."""

    directory: Path
    models: list[SourceModel]  # the detector first
    fusion: dict[str, Any] | None  # as in the manifest; None without experts
    warnings: list[str]


def load_sources(directory: Path) -> Sources:
    """Read and check every model of a directory, see HELP in description.py.

    Raises UserError when there is none, one cannot be used, or they do not go together.
    """
    if not directory.is_dir():
        raise UserError(
            f"no model directory {directory}: name one with --model that holds a .keras file and "
            f"{DESCRIPTION_NAME}"
        )
    models = [load_source_model(*paths) for paths in model_files(directory)]
    warnings = []
    detectors = [model for model in models if model.role == DETECTOR]
    if len(detectors) > 1:
        where = " and ".join(str(model.directory) for model in detectors)
        raise UserError(f"{directory} holds {len(detectors)} detectors, {where}: a bundle has one, move others away")
    if not detectors:
        detectors = [load_source_model(*shipped_detector())]
        warnings.append(NO_DETECTOR)
    experts = [model for model in models if model.role == EXPERT]
    path = directory / FUSION_NAME
    fusion = read_json(path) if path.exists() else NEVER_SURE if experts else None
    if experts and not path.exists():
        warnings.append(NO_FUSION)
    named = [SimpleNamespace(name=m.description["name"], labels=m.description["labels"]) for m in experts]
    read_fusion(Fields({"fusion": fusion}, str(path)), named)
    return Sources(directory, detectors + experts, fusion, warnings)


def model_files(directory: Path) -> list[tuple[Path, Path]]:
    """(.keras file, description) of each model in a directory. Raises UserError."""
    if not (directory / DESCRIPTION_NAME).exists():
        found = [(path, path.with_suffix(".json")) for path in sorted(directory.glob("*.keras"))]
        found = [pair for pair in found if pair[1].exists()]
        for description in sorted(directory.glob(f"*/{DESCRIPTION_NAME}")):
            found += model_files(description.parent)
        if found:
            return found
    read_description(directory / DESCRIPTION_NAME)  # says what it is for when it is missing
    candidates = sorted(directory.glob("*.keras"))
    if len(candidates) != 1:
        raise UserError(
            f"{directory} holds {len(candidates)} .keras files, exactly one is needed: "
            f"save the model there with model.save('model.keras')"
        )
    return [(candidates[0], directory / DESCRIPTION_NAME)]


def shipped_detector() -> tuple[Path, Path]:
    """Its .keras file and description."""
    return model_files(DEFAULT_MODEL_DIR / DETECTOR)[0]


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UserError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): make it readable") from error
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({one_line(error)}): repair it") from error
