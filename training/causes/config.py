"""One experiment, one TOML file. Every key has a default but the name, the corpora and the folds."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from edge.errors import UserError
from training.causes.architecture import COLUMNS, ROWS, Architecture

CLIP, WINDOW = "clip", "window"
BLOCKS = ("mfcc", "stft", "pitch", "wave")
VARIANTS = (
    "clean", "placed", "placed_2", "other_voice", "other_voice_2", "speed", "telephone", "room", "narrow_room",
)  # fmt: skip


@dataclass(frozen=True)
class DataConfig:
    """Which clips, and how they are split."""

    corpora: tuple[str, ...]
    folds: str | int  # group, eval_fold or how many to draw
    labels: tuple[str, ...] = ()  # none named: all that the corpora have
    platforms: tuple[str, ...] = ()  # none named: recorded by any
    mixed_groups: bool = False  # one group may rightly have several labels: a speaker, a parent
    validation_share: float = 0.2  # of what is not tested
    clips_per_group_and_label: int = 0  # 0: all; fewer make a quicker experiment
    only_folds: tuple[str, ...] = ()  # run some folds only


@dataclass(frozen=True)
class FeatureConfig:
    """What of the fused tensor a model sees."""

    unit: str = WINDOW  # window: 3.51 s on the 15-ms grid, as deployed; clip: the whole clip stretched, as the paper
    columns: int = COLUMNS  # fewer: neighbours are averaged
    blocks: tuple[str, ...] = BLOCKS
    band_hz: float = 8000.0  # every clip is limited to it, and rows of the spectrum above it are left out


@dataclass(frozen=True)
class AugmentConfig:
    """What training clips may also sound like: the same draws for every label."""

    variants: tuple[str, ...] = ("clean",)
    gain_db: float = 0.0  # louder or quieter by up to so much: nobody knows the microphone
    colour_db: float = 0.0  # each 1000 Hz louder or quieter by up to so much
    time_mask: int = 0  # columns at most
    mix: float = 0.0  # each item a little of another one: alpha of mixup, 0 for none
    row_mask: int = 0  # rows of the spectrum at most


@dataclass(frozen=True)
class FitConfig:
    """How a model learns."""

    epochs: int = 60
    patience: int = 10  # epochs without a better macro-F1 on the validation part
    batch_size: int = 32
    learning_rate: float = 1e-3
    refit: bool = False  # in the end learn from the validation part too, for as many epochs as were best
    class_weights: bool = True  # rare labels count for as much as frequent ones
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class Experiment:
    """All of it."""

    name: str
    data: DataConfig
    features: FeatureConfig = field(default_factory=FeatureConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: Architecture = field(default_factory=Architecture)
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        """Raise UserError for values out of range."""
        one_of("features.unit", self.features.unit, (CLIP, WINDOW))
        for block in self.features.blocks:
            one_of("features.blocks", block, BLOCKS)
        for variant in self.augment.variants:
            one_of("augment.variants", variant, VARIANTS)
        between("features.columns", self.features.columns, 2, COLUMNS)
        between("features.band_hz", self.features.band_hz, 500, 8000)
        between("data.clips_per_group_and_label", self.data.clips_per_group_and_label, 0, 10**6)
        between("augment.gain_db", self.augment.gain_db, 0, 40)
        between("augment.colour_db", self.augment.colour_db, 0, 40)
        between("augment.mix", self.augment.mix, 0, 10)
        between("augment.time_mask", self.augment.time_mask, 0, self.features.columns // 2)
        between("augment.row_mask", self.augment.row_mask, 0, ROWS // 2)
        between("fit.epochs", self.fit.epochs, 1, 10_000)
        between("fit.patience", self.fit.patience, 1, 10_000)
        between("fit.batch_size", self.fit.batch_size, 1, 4096)
        between("fit.learning_rate", self.fit.learning_rate, 1e-7, 1.0)
        for name, values in (("data.corpora", self.data.corpora), ("features.blocks", self.features.blocks),
                             ("augment.variants", self.augment.variants), ("fit.seeds", self.fit.seeds)):  # fmt: skip
            if not values:
                raise UserError(f"{name} is empty, name at least one")


def read_experiment(path: Path) -> Experiment:
    """The experiment of a TOML file. Raises UserError that names the key, its value and what it may be."""
    try:
        table = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"cannot read the experiment {path} ({error}); name a TOML file with --config") from error
    return experiment_of(table, str(path))


def experiment_of(table: dict[str, Any], source: str) -> Experiment:
    """The experiment that a TOML table describes; source: what an error names. Raises UserError."""
    try:
        for key in ("rows", "columns"):
            if key in table.get("model", {}):
                raise UserError(f"model.{key} follows from [features]: leave it out")
        return of_table(Experiment, table, "")
    except UserError as error:
        raise UserError(f"{source}: {error}") from error


def as_table(experiment: Experiment) -> dict[str, Any]:
    """The experiment with every default filled in, as JSON has it."""
    return dataclasses.asdict(experiment)


def of_table(kind: type, table: Any, prefix: str) -> Any:
    """A dataclass of a table's entries, each checked for its type. Raises UserError."""
    if not isinstance(table, dict):
        raise UserError(f"{prefix.rstrip('.')} is {table!r}, it must be a table [{prefix.rstrip('.')}]")
    hints = typing.get_type_hints(kind)
    unknown = sorted(table.keys() - hints.keys())
    if unknown:
        raise UserError(f"unknown key {prefix}{unknown[0]}; there are {', '.join(prefix + name for name in hints)}")
    required = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in table]
    if missing:
        raise UserError(f"{prefix}{missing[0]} is missing, it has no default")
    return kind(**{name: value_of(hints[name], value, prefix + name) for name, value in table.items()})


def value_of(hint: Any, value: Any, name: str) -> Any:
    """A TOML value as its type. Raises UserError."""
    if dataclasses.is_dataclass(hint):
        return of_table(hint, value, f"{name}.")
    kinds = [typing.get_origin(kind) or kind for kind in (typing.get_args(hint) if is_union(hint) else (hint,))]
    if isinstance(value, list) and any(kind is not str and hasattr(kind, "__iter__") for kind in kinds):
        entry = next(typing.get_args(kind)[0] for kind in union_members(hint) if typing.get_args(kind))
        return tuple(value_of(entry, each, name) for each in value)
    if isinstance(value, bool) == (bool in kinds) and isinstance(value, tuple(kinds)):
        return value
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = " or ".join("a list" if hasattr(k, "__iter__") and k is not str else k.__name__ for k in kinds)
    raise UserError(f"{name} is {value!r}, it must be {wanted}")


def is_union(hint: Any) -> bool:
    """Whether a type hint is A | B."""
    return len(union_members(hint)) > 1


def union_members(hint: Any) -> tuple[Any, ...]:
    """The alternatives of a type hint."""
    return typing.get_args(hint) if isinstance(hint, type(int | str)) else (hint,)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless the value is one of those allowed."""
    if value not in allowed:
        raise UserError(f"{name} is {value!r}, it must be one of {', '.join(allowed)}")


def between(name: str, value: float, low: float, high: float) -> None:
    """Raise UserError unless low <= value <= high."""
    if not low <= value <= high:
        raise UserError(f"{name} is {value}, it must be from {low} to {high}")
