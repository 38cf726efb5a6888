"""A transformer experiment promises that every key is known, in range, and that its stages can follow each other."""

import pytest

pytest.importorskip("tomllib")

from edge.errors import UserError  # noqa: E402
from training.transformer.config import read_experiment  # noqa: E402

LEAST = """
name = "x"
[data]
corpora = ["donateacry"]
folds = "eval_fold"
[noise]
corpora = ["esc50"]
[[fit.stages]]
kind = "denoiser"
[[fit.stages]]
kind = "classifier"
epochs = 3
"""


def read(tmp_path, text):
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return read_experiment(path)


def test_everything_else_has_a_default(tmp_path):
    experiment = read(tmp_path, LEAST)
    assert [(stage.kind, stage.epochs) for stage in experiment.fit.stages] == [("denoiser", 20), ("classifier", 3)]
    assert (experiment.model.preset, experiment.model.denoised, experiment.augment.snr_db) == ("pi", True, (0.0, 20.0))


@pytest.mark.parametrize(
    "old, new, reason",
    [
        (
            'kind = "denoiser"',
            'kind = "denoise"',
            "kind is 'denoise', it must be one of adapters, classifier, denoiser, ",
        ),
        ("epochs = 3", "epochs = 0", "fit.stages.epochs is 0, it must be from 1"),
        ("epochs = 3", "epoch = 3", "unknown key fit.stages.epoch"),
        ("[noise]", '[model]\npreset = "huge"\n[noise]', "unknown preset 'huge': choose one of full, pi, tiny"),
        ("[noise]", "[model]\nn_mels = 80\n[noise]", "n_mels is 80, it must be one of 64, 128"),
        ("[noise]", "[model]\ndenoised = false\n[noise]", "leave out the stages denoiser and joint"),
        ('kind = "denoiser"', 'kind = "classifier"', "model.denoised is true: fit.stages needs denoiser or joint"),
        ('kind = "classifier"', 'kind = "denoiser"', "no stage that learns labels"),
        ('kind = "classifier"', 'kind = "outliers"', "[outliers] names no corpora"),
        ('kind = "classifier"', 'kind = "distil"', "loss.teacher names no folder"),
        ('corpora = ["esc50"]', "", "[noise] names no corpora"),
        ("[noise]", '[augment]\nvariants = ["telephone"]\n[noise]', "it needs clean"),
        ("[noise]", "[augment]\nsnr_db = [5, 0]\n[noise]", "augment.snr_db is [5.0, 0.0], it must be [from, to]"),
        ("[noise]", "[augment]\ncutoff_hz = [10]\n[noise]", "augment.cutoff_hz is [10.0], it must be [from, to]"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, old, new, reason):
    with pytest.raises(UserError) as error:
        read(tmp_path, LEAST.replace(old, new))
    assert reason in str(error.value) and "experiment.toml: " in str(error.value)
