"""One transformer experiment, one TOML file. Every key has a default but the name, the corpora, folds and stages."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.dsp.log_mel import N_MELS
from edge.errors import UserError
from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS
from training.data.effects import CLEAN, VARIANTS
from training.data.selection import DataConfig
from training.runs.toml_config import between, of_table, one_of, read_table
from training.transformer.presets import Preset, find_preset
from training.transformer.stages import find_stage, stage_kinds

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Selection:
    """Clips that stand beside those with a label; none where no corpus is named."""

    corpora: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()  # none named: all that the corpora have
    except_labels: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    clips_per_group_and_label: int = 0  # 0: all


@dataclass(frozen=True)
class FeatureConfig:
    """What of a recording becomes frames."""

    hop_columns: int = FRAME_HOP_COLUMNS  # between two frames of a recording
    active_share: float = 0.5  # of a frame's columns that are louder than the background; 0: every frame counts
    band_hz: float = 8000.0  # every clip is limited to it


@dataclass(frozen=True)
class AugmentConfig:
    """What a training frame may also sound like: the same draws for every label, and for outliers."""

    variants: tuple[str, ...] = (CLEAN,)
    noisy_share: float = 0.8  # of the frames get noise
    snr_db: tuple[float, ...] = (0.0, 20.0)  # from, to
    time_mask: int = 12  # columns at most
    frequency_mask: int = 8  # bands at most
    colour_db: float = 0.0  # the response of a microphone: up to so much louder or quieter, smooth over frequency
    cutoff_hz: tuple[float, ...] = ()  # from, to: a low-pass is drawn for every frame


@dataclass(frozen=True)
class ModelConfig:
    """Which network."""

    preset: str = "pi"
    denoised: bool = True  # the classifier sees what the denoiser leaves
    n_mels: int = N_MELS
    causal: bool = False

    def of_preset(self) -> Preset:
        """The preset with what is said here. Raises UserError when it is unknown or cannot be built."""
        return replace(find_preset(self.preset), n_mels=self.n_mels, causal=self.causal)


@dataclass(frozen=True)
class LossConfig:
    """What is learnt for."""

    time_weight: float = 0.1  # of the denoiser's errors of the differences along time
    frequency_weight: float = 0.1  # along frequency
    denoising_weight: float = 0.5  # beside the classifier's, where both are trained
    energy_weight: float = 0.1  # of the energy margins, where outliers are learnt
    energy_known: float = -6.0  # the energy below which sounds like those learnt shall be
    energy_outlier: float = -2.0  # above which others shall be
    teacher: str = ""  # folds/FOLD-seedN of cry-train transformer, for distillation
    distil_weight: float = 0.7  # of the teacher's answers; the rest is the labels'
    distil_temperature: float = 2.0


@dataclass(frozen=True)
class StageConfig:
    """One training after another; kind: a file of training/transformer/stages."""

    kind: str
    epochs: int = 20
    patience: int = 5  # epochs without a better validation
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class FitConfig:
    """How a model learns."""

    stages: tuple[StageConfig, ...]
    frames_per_epoch: int = 2048  # drawn from all clips alike
    validation_frames: int = 6  # of each validation clip, while learning; what is judged in the end is every frame
    batch_size: int = 32
    weight_decay: float = 0.01
    class_weights: bool = True  # rare labels count for as much as frequent ones
    precision: str = PRECISIONS[0]
    seeds: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Experiment:
    """All of it."""

    name: str
    data: DataConfig
    fit: FitConfig
    known: Selection = field(default_factory=Selection)  # sounds as those to be classified, but nobody says which
    outliers: Selection = field(default_factory=Selection)  # sounds that shall be told as unknown
    noise: Selection = field(default_factory=Selection)  # what lies over a frame
    features: FeatureConfig = field(default_factory=FeatureConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        """Raise UserError for values out of range, and stages that cannot follow each other."""
        self.model.of_preset()
        between("features.hop_columns", self.features.hop_columns, 1, FRAME_COLUMNS)
        between("features.active_share", self.features.active_share, 0, 1)
        between("features.band_hz", self.features.band_hz, 500, 8000)
        check_augment(self)
        check_fit(self.fit)
        check_stages(self)


def check_augment(experiment: Experiment) -> None:
    """Raise UserError for what cannot be drawn."""
    augment = experiment.augment
    for variant in augment.variants:
        one_of("augment.variants", variant, VARIANTS)
    if CLEAN not in augment.variants:
        raise UserError(f"augment.variants is {', '.join(augment.variants)}: it needs {CLEAN}, which is validated on")
    between("augment.noisy_share", augment.noisy_share, 0, 1)
    between("augment.time_mask", augment.time_mask, 0, FRAME_COLUMNS // 2)
    between("augment.frequency_mask", augment.frequency_mask, 0, experiment.model.n_mels // 2)
    between("augment.colour_db", augment.colour_db, 0, 40)
    if len(augment.snr_db) != 2 or augment.snr_db[0] > augment.snr_db[1]:
        raise UserError(f"augment.snr_db is {list(augment.snr_db)}, it must be [from, to]")
    if augment.cutoff_hz and (len(augment.cutoff_hz) != 2 or not 500 <= augment.cutoff_hz[0] <= augment.cutoff_hz[1]):
        raise UserError(f"augment.cutoff_hz is {list(augment.cutoff_hz)}, it must be [from, to], from 500 Hz on")


def check_fit(fit: FitConfig) -> None:
    """Raise UserError for values out of range."""
    between("fit.frames_per_epoch", fit.frames_per_epoch, 1, 10**7)
    between("fit.validation_frames", fit.validation_frames, 1, 10**4)
    between("fit.batch_size", fit.batch_size, 1, 4096)
    between("fit.weight_decay", fit.weight_decay, 0, 1)
    one_of("fit.precision", fit.precision, PRECISIONS)
    for name, values in (("fit.stages", fit.stages), ("fit.seeds", fit.seeds)):
        if not values:
            raise UserError(f"{name} is empty, name at least one")
    for stage in fit.stages:
        one_of("fit.stages.kind", stage.kind, stage_kinds())
        between("fit.stages.epochs", stage.epochs, 1, 10_000)
        between("fit.stages.patience", stage.patience, 1, 10_000)
        between("fit.stages.learning_rate", stage.learning_rate, 1e-7, 1.0)


def check_stages(experiment: Experiment) -> None:
    """Raise UserError for a stage that lacks what it learns from."""
    stages = {kind: find_stage(kind) for kind in stage_kinds()}
    taken = [stages[config.kind] for config in experiment.fit.stages]
    if not any(stage.learns_labels for stage in taken):
        names = [kind for kind, stage in stages.items() if stage.learns_labels]
        raise UserError(f"fit.stages has no stage that learns labels, add one of {', '.join(names)}")
    names = [kind for kind, stage in stages.items() if stage.trains_denoiser]
    trains_denoiser = any(stage.trains_denoiser for stage in taken)
    if trains_denoiser and not experiment.model.denoised:
        raise UserError(f"model.denoised is false: leave out the stages {' and '.join(names)}")
    if experiment.model.denoised and not trains_denoiser:
        raise UserError(f"model.denoised is true: fit.stages needs {' or '.join(names)}, or set denoised = false")
    for stage in taken:
        stage.check(experiment)
    if experiment.augment.noisy_share and not experiment.noise.corpora:
        raise UserError("[noise] names no corpora; name some, or set augment.noisy_share = 0")


def read_experiment(path: Path) -> Experiment:
    """The experiment of a TOML file. Raises UserError that names the key, its value and what it may be."""
    return read_table(path, experiment_of)


def experiment_of(table: dict[str, Any], source: str) -> Experiment:
    """The experiment that a TOML table describes; source: what an error names. Raises UserError."""
    try:
        return of_table(Experiment, table, "")
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
