"""An experiment's file promises that every key is known and every value in range, or says which is not."""

import pytest

pytest.importorskip("tomllib")

from edge.errors import UserError  # noqa: E402
from training.causes.architecture import Architecture  # noqa: E402
from training.causes.config import read_experiment  # noqa: E402
from training.runs.toml_config import as_table  # noqa: E402

LEAST = 'name = "x"\n[data]\ncorpora = ["fsdd"]\nfolds = "group"\n'


def read(tmp_path, text):
    path = tmp_path / "experiment.toml"
    path.write_text(text)
    return read_experiment(path)


def test_everything_else_has_a_default(tmp_path):
    experiment = read(tmp_path, LEAST)
    assert experiment.model == Architecture()
    assert (experiment.features.unit, experiment.features.columns, experiment.fit.seeds) == ("window", 233, (0, 1, 2))
    assert as_table(experiment)["augment"]["variants"] == ("clean",)


def test_values_are_taken(tmp_path):
    text = LEAST.replace('"group"', "5") + '[model]\nhead = "gru"\nencoder = [8, 4, 4]\n[fit]\nlearning_rate = 1\n'
    experiment = read(tmp_path, text)
    assert experiment.data.folds == 5
    assert experiment.model.filters == (8, 4, 4)
    assert experiment.fit.learning_rate == 1.0


@pytest.mark.parametrize(
    "text, reason",
    [
        ("name = ", "cannot read the experiment"),
        ('name = "x"', "data is missing"),
        (LEAST + "fold = 3", r"unknown key data.fold; there are data.corpora"),
        (LEAST + "[fits]\nepochs = 3", "unknown key fits; there are name, data"),
        (LEAST + '[fit]\nepochs = "3"', "fit.epochs is '3', it must be int"),
        (LEAST + "[fit]\nclass_weights = 1", "fit.class_weights is 1, it must be bool"),
        (LEAST + "[fit]\nepochs = true", "fit.epochs is True, it must be int"),
        (LEAST + "[fit]\nseeds = 1", "fit.seeds is 1, it must be a list"),
        (LEAST + "[fit]\nseeds = []", "fit.seeds is empty"),
        (LEAST + "[fit]\nbatch_size = 0", "fit.batch_size is 0, it must be from 1 to 4096"),
        (LEAST + '[augment]\nvariants = ["loud"]', "'loud', it must be one of clean, "),
        (LEAST + "[features]\ncolumns = 234", "features.columns is 234"),
        (LEAST + '[model]\nhead = "rnn"', "head is 'rnn'"),
        (LEAST + "[model]\nrows = 3", r"model.rows follows from \[features\]"),
        (LEAST.replace('["fsdd"]', '"fsdd"'), "data.corpora is 'fsdd', it must be a list"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, reason):
    with pytest.raises(UserError, match=reason):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot read the experiment"):
        read_experiment(tmp_path / "none.toml")
