"""The stages of denoiser and Transformer promise: each teaches what it is for, and an interrupted one resumes."""

from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("tomllib")
pytest.importorskip("sklearn")

from edge.errors import UserError  # noqa: E402
from training.data.corpora import Clip  # noqa: E402
from training.data.splits import Split  # noqa: E402
from training.runs import stage  # noqa: E402
from training.transformer import fitting, stages  # noqa: E402
from training.transformer.config import experiment_of  # noqa: E402
from training.transformer.material import Frames, Recordings  # noqa: E402
from training.transformer.presets import PRESETS  # noqa: E402
from training.transformer.stage import TransformerStage  # noqa: E402
from training.transformer.trained import (  # noqa: E402
    CLASSIFIER_FILE,
    clip_energies,
    clip_log_posteriors,
    load_trained,
    save_trained,
)

pytestmark = pytest.mark.usefixtures("whole_module_without_graphs")
CLIPS = 16  # of each kind
BANDS = {"high": (40, 60), "low": (4, 24), "middle": (26, 38)}  # where a kind has its energy
LABELS = ["high", "low"]


@pytest.fixture(scope="module")
def frames():
    """Clips of one frame each: two labels, outliers between them, and noise everywhere."""
    rng = np.random.default_rng(0)
    kinds = [kind for kind in (*BANDS, "noise") for _ in range(CLIPS)]
    columns = rng.normal(-8, 0.5, (len(kinds), 98, 64))
    for own, kind in zip(columns, kinds, strict=True):
        first, last = BANDS.get(kind, (0, 64))
        own[:, first:last] += 6 * (rng.random((98, 1)) < 0.7)
    clips = [Clip(None, "made", kind, "noncry", f"{i}", 1, "CC0-1.0", "open") for i, kind in enumerate(kinds)]
    kinds = np.array(kinds)
    roles = {"data": ("high", "low"), "known": (), "outliers": ("middle",), "noise": ("noise",)}
    return Frames(
        clips,
        LABELS,
        np.array([LABELS.index(kind) if kind in LABELS else -1 for kind in kinds]),
        {role: np.flatnonzero(np.isin(kinds, own)) for role, own in roles.items()},
        {"clean": Recordings(columns.reshape(-1, 64).astype(np.float16), 98 * np.arange(len(kinds)),
                             np.arange(len(kinds) + 1))},
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small():
    """The tiny preset with one layer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tiny", replace(PRESETS["tiny"], layers=1))
        yield


@pytest.fixture(scope="module")
def split(frames):
    turn = np.arange(len(frames.clips)) % 4
    return Split("0", np.flatnonzero(turn < 2), np.flatnonzero(turn == 2), np.flatnonzero(turn == 3))


def experiment(*stages, fit=None, **sections):
    """stages: (kind, epochs). The tiny preset, without denoiser unless a stage teaches it."""
    kinds = [kind for kind, _ in stages]
    table = {
        "name": "bands",
        "data": {"corpora": ["made"], "folds": 2},
        "outliers": {"corpora": ["made"]},
        "noise": {"corpora": ["made"]},
        "augment": {"time_mask": 4, "frequency_mask": 2},
        "model": {"preset": "tiny", "denoised": "denoiser" in kinds or "joint" in kinds},
        "fit": {
            "stages": [{"kind": kind, "epochs": epochs, "learning_rate": 5e-3} for kind, epochs in stages],
            "frames_per_epoch": 32,
            "batch_size": 8,
            "validation_frames": 1,
            **(fit or {}),
        },
        **sections,
    }
    return experiment_of(table, "here")


@pytest.fixture(scope="module")
def classifier(frames, split, tmp_path_factory):
    """A classifier, and its folder."""
    folder = tmp_path_factory.mktemp("classifier")
    trained = fitting.train(frames, split, experiment(("classifier", 2)), 0, folder / "stages")
    save_trained(trained, folder)
    return trained, folder


def test_it_learns_what_can_be_learnt(classifier, frames, split):
    trained, _ = classifier
    tested = frames.among(split.test, "data")
    assert (clip_log_posteriors(trained, frames, tested).argmax(axis=1) == frames.truth[tested]).all()
    assert trained.temperature > 0 and np.isfinite(trained.energy_threshold)


def test_what_is_saved_is_what_was_judged_and_half_as_large(classifier, frames, split):
    trained, folder = classifier
    again = load_trained(folder, LABELS, 64)
    expected = clip_log_posteriors(trained, frames, split.test)
    np.testing.assert_allclose(clip_log_posteriors(again, frames, split.test), expected, atol=1e-5)
    assert (again.temperature, again.energy_threshold) == (trained.temperature, trained.energy_threshold)
    assert (folder / CLASSIFIER_FILE).stat().st_size < 3 * trained.classifier.count_params() + 60_000


def test_the_energy_of_outliers_rises_above_that_of_what_is_known(classifier, frames, split):
    margins = {"energy_weight": 1.0, "energy_known": -5, "energy_outlier": 0}
    table = experiment(("classifier", 2), ("outliers", 2), loss=margins, fit={"frames_per_epoch": 16})
    trained = fitting.train(frames, split, table, 0, classifier[1] / "stages")  # whose first stage is done
    known, outliers = (clip_energies(trained, frames, frames.among(split.test, role)) for role in ("data", "outliers"))
    assert known.max() < outliers.min()
    assert (outliers > trained.energy_threshold).all()


def test_an_interrupted_training_resumes_where_it_was(frames, split, tmp_path, monkeypatch):
    table = experiment(("classifier", 3), fit={"frames_per_epoch": 8})
    train_epoch, epochs = stage.train_epoch, []

    def interrupted(*args):
        if len(epochs) == 2:
            raise KeyboardInterrupt
        epochs.append(train_epoch(*args))
        return epochs[-1]

    monkeypatch.setattr(stage, "train_epoch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitting.train(frames, split, table, 0, tmp_path)
    monkeypatch.setattr(stage, "train_epoch", train_epoch)
    trained = fitting.train(frames, split, table, 0, tmp_path)
    assert [epoch["stage"] for epoch in trained.curves] == ["classifier"] * 3
    assert [epoch["loss"] for epoch in trained.curves[:2]] == epochs


def test_adapters_teach_without_touching_the_kernels_and_are_merged(classifier, frames, split):
    base, folder = classifier
    table = experiment(("classifier", 2), ("adapters", 1), fit={"frames_per_epoch": 16})
    trained = fitting.train(frames, split, table, 0, folder / "stages")  # whose first stage is done
    assert trained.classifier.count_params() == base.classifier.count_params()
    for name in ("tokenizer_1", "tokenizer_tokens", "cause"):
        before, after = (model.classifier.get_layer(name).get_weights() for model in (base, trained))
        assert all(np.array_equal(old, new) for old, new in zip(before, after, strict=True))
    before, after = (model.classifier.get_layer("encoder_1").get_weights() for model in (base, trained))
    assert any(not np.array_equal(old, new) for old, new in zip(before, after, strict=True))


def test_a_student_is_taught_by_another_network(classifier, frames, split, tmp_path):
    _, folder = classifier
    loss = {"teacher": str(folder), "distil_weight": 1.0}
    table = experiment(("distil", 1), loss=loss, fit={"frames_per_epoch": 16})
    student = fitting.train(frames, split, table, 1, tmp_path)
    assert np.isfinite(student.curves[0]["loss"]) and student.curves[0]["stage"] == "distil"


def test_a_teacher_that_does_not_fit_is_refused(classifier, frames, split, tmp_path):
    _, folder = classifier
    table = experiment(("distil", 1), loss={"teacher": str(tmp_path / "nobody")})
    with pytest.raises(UserError, match="nobody holds no trained transformer"):
        fitting.train(frames, split, table, 0, tmp_path)
    with pytest.raises(UserError, match="has labels .*, the experiment has"):
        load_trained(folder, ["hungry", "tired"])


def test_every_kind_of_stage_is_one_file_that_says_what_it_does():
    assert set(stages.stage_kinds()) == {"adapters", "classifier", "denoiser", "distil", "joint", "outliers"}
    for kind in stages.stage_kinds():
        found = stages.find_stage(kind)
        assert issubclass(found, TransformerStage) and found.__doc__ and found.__module__.endswith(kind)


def test_a_new_kind_of_stage_is_one_file(frames, split, tmp_path, monkeypatch):
    (tmp_path / "halved.py").write_text(
        "from training.transformer.stage import TransformerStage\n"
        "class Stage(TransformerStage):\n"
        "    def validate(self, model):\n"
        "        return {**super().validate(model), 'halved': 0.5}\n"
    )
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(tmp_path)])
    trained = fitting.train(frames, split, experiment(("halved", 1), fit={"frames_per_epoch": 8}), 0, tmp_path / "out")
    assert [(epoch["stage"], epoch["halved"]) for epoch in trained.curves] == [("halved", 0.5)]


def test_only_what_a_stage_is_about_is_trained(frames, split, tmp_path):
    stage_list = (("denoiser", 1), ("classifier", 1))
    task = fitting.Task(frames, split, experiment(*stage_list, fit={"frames_per_epoch": 8}), 0)
    networks = fitting.new_networks(task)
    before = networks.classifier.get_weights()
    after, _ = fitting.run_stage(task, networks, task.experiment.fit.stages[0], 1, tmp_path / "1")
    assert all(np.array_equal(old, new) for old, new in zip(before, after.classifier.get_weights(), strict=True))
    denoiser = after.denoiser.get_weights()
    after, _ = fitting.run_stage(task, after, task.experiment.fit.stages[1], 2, tmp_path / "2")
    assert all(np.array_equal(old, new) for old, new in zip(denoiser, after.denoiser.get_weights(), strict=True))
    assert not all(np.array_equal(old, new) for old, new in zip(before, after.classifier.get_weights(), strict=True))
