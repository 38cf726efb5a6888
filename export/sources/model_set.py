"""The models of one bundle: a directory with one model, or with a detector, a denoiser, experts and their fusion."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from edge import untrusted
from edge.bundle.fields import Fields
from edge.bundle.manifest import check_denoising, read_fusion
from edge.bundle.model import DENOISER, DETECTOR, read_feature, read_normalisation
from edge.errors import UserError
from export.fixed_inputs import Fixed
from export.kinds.registry import KINDS, ROLES
from export.model import SourceModel
from export.sources.description import DESCRIPTION_NAME, FUSION_NAME, NEVER_SURE, read_description
from export.sources.loading import FOREIGN, load_model

DEFAULT_MODEL_DIR = Path(__file__).resolve().parents[2] / "training" / "models"

READ = (".keras", *FOREIGN)
PICKLED = (
    "it is a pickle, which may hold code; where it was trained, torch.export.save(torch.export.export(model.eval(), "
    "(example,)), 'model.pt2')"
)
SAVE = "save the model there with model.save('model.keras'), or as ONNX"
OTHER_FORMATS = {  # how to come from them to a .keras file
    "*.weights.h5": "weights alone are no model; build it, load_weights, then model.save('model.keras')",
    "*.h5": "load it where it was trained and model.save('model.keras'); such a file may hold code",
    "saved_model": "load it where it was trained and model.save('model.keras'); a SavedModel has lost its layers",
    "saved_model.pb": "load it where it was trained and model.save('model.keras'); a SavedModel has lost its layers",
    "*.pt": PICKLED,
    "*.pth": PICKLED,
    "*.ckpt": PICKLED,
    "*.tflite": "it has been converted already; export the model it was made of",
}
NO_DETECTOR = "no detector among the models: the one that ships goes into the bundle with them"
NOT_USED = "no expert is denoised: the denoiser is in the bundle and does nothing there"
NO_FUSION = f"no {FUSION_NAME} beside the experts: the bundle logs their posteriors and never names a cause"


@dataclass(frozen=True)
class ModelSet:
    """The trained models that go into one bundle."""

    directory: Path
    models: list[SourceModel]  # in the order of ROLES: the detector first, then the denoiser
    fusion: dict[str, Any] | None  # as in the manifest; None without experts
    warnings: list[str]
    borrowed: SourceModel | None = None  # the detector that ships, where there is none among them


def load_models(place: Path, trusted: bool = False, fixed_inputs: Fixed | None = None) -> ModelSet:
    """Read and check every model of a directory, see HELP in description.py, or one file. trusted: code beside them may
    run. fixed_inputs: of an ONNX file.

    Raises UserError when there is none, one cannot be used, or they do not go together.
    """
    directory = place.parent if place.is_file() else place
    if not directory.is_dir():
        raise UserError(
            f"no model directory {directory}: name one with --model that holds a .keras file and {DESCRIPTION_NAME}"
        )
    files = [with_description(place)] if place.is_file() else model_files(directory)
    if fixed_inputs is not None and not any(path.suffix in FOREIGN for path, _ in files):
        raise UserError(f"--input-shape and --input-value are for ONNX files, {place} holds none: leave them out")
    models = [load_model(*paths, trusted, fixed_inputs) for paths in files]
    warnings = []
    borrowed = None
    if not any(model.role == DETECTOR for model in models):
        borrowed = load_model(*shipped_detector())
        models.append(borrowed)
        warnings.append(NO_DETECTOR)
    models.sort(key=lambda model: ROLES.index(model.role))
    for kind in KINDS:
        if not kind.may_be_several:
            check_alone([model for model in models if model.role == kind.role], kind.role, directory)
    described = [in_manifest(model) for model in models]
    check_denoising(described, str(directory))
    if any(model.role == DENOISER for model in models) and not any(model.is_denoised for model in models):
        warnings.append(NOT_USED)
    experts = [entry for entry, model in zip(described, models, strict=True) if model.kind.may_be_several]
    path = directory / FUSION_NAME
    fusion = read_json(path) if path.exists() else NEVER_SURE if experts else None
    if experts and not path.exists():
        warnings.append(NO_FUSION)
    read_fusion(Fields({"fusion": fusion}, str(path)), experts)
    return ModelSet(directory, models, fusion, warnings, borrowed)


def check_alone(models: list[SourceModel], role: str, directory: Path) -> None:
    """Raise UserError when there are several models of a role of which a bundle has one."""
    if len(models) > 1:
        where = " and ".join(str(model.directory) for model in models)
        raise UserError(f"{directory} holds {len(models)} {role}s, {where}: a bundle has one, move others away")


def in_manifest(model: SourceModel) -> SimpleNamespace:
    """What edge.bundle.manifest must know of a model to say whether it goes with others."""
    described = model.description
    return SimpleNamespace(
        role=model.role,
        name=described["name"],
        labels=described.get("labels"),
        feature=read_feature(Fields(described["feature"], str(model.directory)), model.role),
        normalisation=read_normalisation(
            Fields(described["normalisation"], str(model.directory)),
            described["feature"]["name"],
            model.role,
            described["feature"]["parameters"],
        ),
        is_denoised=model.is_denoised,
    )


def with_description(path: Path) -> tuple[Path, Path]:
    """(model, description) of one file: NAME.json beside it, else model.json. Raises UserError."""
    if path.suffix not in READ:
        raise UserError(f"{path} is none of {', '.join(READ)}: {next(iter(advice_on([path])), SAVE)}")
    own = path.with_suffix(".json")
    return path, own if own.exists() else path.parent / DESCRIPTION_NAME


def advice_on(paths: list[Path]) -> list[str]:
    """How to come from files of other formats to one that is read."""
    return [advice for pattern, advice in OTHER_FORMATS.items() if any(path.match(pattern) for path in paths)]


def model_files(directory: Path) -> list[tuple[Path, Path]]:
    """(model, description) of each model in a directory. Raises UserError."""
    if not (directory / DESCRIPTION_NAME).exists():
        found = [(path, path.with_suffix(".json")) for path in with_suffixes(directory)]
        found = [pair for pair in found if pair[1].exists()]
        for description in sorted(directory.glob(f"*/{DESCRIPTION_NAME}")):
            found += model_files(description.parent)
        if found:
            return found
    read_description(directory / DESCRIPTION_NAME)  # says what it is for when it is missing
    candidates = with_suffixes(directory)
    if len(candidates) != 1:
        others = sorted({path.name for pattern in OTHER_FORMATS for path in directory.glob(pattern)})
        advice = next(iter(advice_on(list(directory.iterdir()))), SAVE)
        held = f"{len(candidates)} models ({', '.join(READ)})" + (f", and {', '.join(others)}" if others else "")
        raise UserError(f"{directory} holds {held}; exactly one is needed: {advice if not candidates else SAVE}")
    return [(candidates[0], directory / DESCRIPTION_NAME)]


def with_suffixes(directory: Path) -> list[Path]:
    """Every file that is read."""
    return sorted(path for path in directory.iterdir() if path.suffix in READ)


def shipped_detector() -> tuple[Path, Path]:
    """Its .keras file and description."""
    return model_files(DEFAULT_MODEL_DIR / DETECTOR)[0]


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises UserError."""
    return untrusted.read_json(path, advice="repair it")
