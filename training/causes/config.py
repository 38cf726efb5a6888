"""One experiment, one TOML file. Every key has a default but the name, the corpora and the folds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.dsp.stft import N_BINS
from edge.errors import UserError
from training.causes.architecture import COLUMNS, ROWS, Architecture
from training.data.effects import VARIANTS
from training.data.selection import DataConfig
from training.runs.toml_config import between, of_table, one_of, read_table

CLIP, WINDOW = "clip", "window"
BLOCKS = ("mfcc", "stft", "pitch", "wave")


@dataclass(frozen=True)
class FeatureConfig:
    """What of the fused tensor a model sees."""

    unit: str = WINDOW  # window: 3.51 s on the 15-ms grid, as deployed; clip: the whole clip stretched, as the paper
    columns: int = COLUMNS  # fewer: neighbours are averaged
    blocks: tuple[str, ...] = BLOCKS
    sounding: bool = False  # of a whole clip only where it sounds: silence before and after it is left out
    bins_together: int = 1  # so many neighbouring bins of a whole clip's spectrum are averaged
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
        between("features.bins_together", self.features.bins_together, 1, N_BINS)
        if self.features.unit == WINDOW and (self.features.sounding or self.features.bins_together > 1):
            raise UserError("features.sounding and bins_together are for unit = 'clip': a window is what a device sees")
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
    return read_table(path, experiment_of)


def experiment_of(table: dict[str, Any], source: str) -> Experiment:
    """The experiment that a TOML table describes; source: what an error names. Raises UserError."""
    try:
        for key in ("rows", "columns"):
            if key in table.get("model", {}):
                raise UserError(f"model.{key} follows from [features]: leave it out")
        return of_table(Experiment, table, "")
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
