"""Homes teach a Transformer's adapters and head, nothing else of it moves, and the result is what export takes."""

import csv
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")
pytest.importorskip("tomllib")

from edge.errors import UserError  # noqa: E402
from export.sources.description import read_description  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402
from training.federated.config import federation_of  # noqa: E402
from training.federated.partition import Partition  # noqa: E402
from training.federated.simulation import simulate  # noqa: E402
from training.federated.task import make_task  # noqa: E402
from training.transformer.model import build_classifier, build_denoiser  # noqa: E402
from training.transformer.presets import PRESETS  # noqa: E402
from training.transformer.trained import Trained, save_trained  # noqa: E402

pytestmark = pytest.mark.usefixtures("whole_module_without_graphs")
GROUPS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Low and high tones of twelve groups, and a backbone that knows other labels."""
    folder = tmp_path_factory.mktemp("tones")
    rng, t = np.random.default_rng(0), np.arange(16000) / 16000
    rows = [COLUMNS]
    for group in range(GROUPS):
        for label, low, high in (("low", 300, 400), ("high", 2000, 3000)):
            tone = 0.3 * np.sin(2 * np.pi * rng.uniform(low, high) * t) + 0.01 * rng.standard_normal(16000)
            soundfile.write(folder / f"{label}_{group}.flac", tone, 16000)
            rows.append(
                (f"{label}_{group}.flac", "tones", label, "noncry", f"g{group}", 1 + group % 4, "CC0-1.0", "open")
            )
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    keras.utils.set_random_seed(0)
    classifier = build_classifier(PRESETS["tiny"], 3)
    save_trained(Trained(None, classifier, ["a", "b", "c"], 64), folder / "backbone")
    return folder


def made(folder, **changes):
    """The federation, and its task."""
    table = {
        "name": "tones",
        "task": {
            "kind": "adapters",
            "backbone": str(folder / "backbone"),
            "data": {"corpora": ["tones"], "folds": 3, "mixed_groups": True, "only_folds": ["0"]},
            "frames_per_clip": 1,
        },
        "partition": {"homes": 3, "alpha": 0.5, "fewest_clips": 2},
        "plan": {"rounds": 2, "homes_per_round": 3, "batch_size": 8, "local": {"steps": 3, "rate": 0.3}, **changes},
    }
    federation = federation_of(table, "x.toml")
    task = make_task(federation.task, federation.partition, federation.plan, folder, folder / "work")
    return federation, task


def test_homes_teach_adapters_and_head_alone(folder, tmp_path):
    federation, task = made(folder)
    frozen = [keras.ops.convert_to_numpy(v).copy() for v in task.classifier.non_trainable_variables]
    state, history = simulate(federation, task, tmp_path / "out", lambda line: None)
    assert all(not entry["failed"] and entry["counted"] == 3 for entry in history)
    assert task.evaluate(state.parameters)["nll"] < task.evaluate(task.start)["nll"]
    after = [keras.ops.convert_to_numpy(v) for v in task.classifier.non_trainable_variables]
    assert all(np.array_equal(a, b) for a, b in zip(frozen, after, strict=True))
    assert {name.split("/")[-1] for name in task.layout.names} == {"lora_a", "lora_b", "kernel", "bias"}
    description = json.loads((tmp_path / "out" / "model" / "model.json").read_text())
    assert description["training"]["federated"]["homes"] == 3
    assert read_description(tmp_path / "out" / "model" / "model.json")["labels"] == ["high", "low"]
    task.assign(state.parameters)
    x = np.random.default_rng(0).normal(size=(2, 98, 64, 1)).astype(np.float32)
    written = keras.saving.load_model(tmp_path / "out" / "model" / "model.keras", compile=False)
    same = [keras.ops.convert_to_numpy(model(x, training=False)) for model in (written, task.classifier)]
    assert np.abs(same[0] - same[1]).max() < 1e-4


def test_gradients_are_those_of_the_loss(folder):
    _, task = made(folder)
    learner = next(iter(task.learners.values()))
    start = task.start + 0.01 * np.random.default_rng(1).normal(size=task.start.shape).astype(np.float32)
    gradient = learner.gradient(start, np.random.default_rng(3))
    drawn = np.random.default_rng(3).integers(0, len(learner.tokens), learner.batch_size)

    def loss(parameters):
        task.assign(parameters)
        logits = keras.ops.convert_to_numpy(task.back(learner.tokens[drawn], training=False)).astype(float)
        log_posterior = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return -log_posterior[np.arange(len(drawn)), learner.truth[drawn]].mean()

    along = gradient / np.linalg.norm(gradient)
    slope = (loss(start + 1e-2 * along) - loss(start - 1e-2 * along)) / 2e-2
    assert slope == pytest.approx(np.linalg.norm(gradient), rel=1e-2)


def test_a_homes_clips_enter_no_statistic(folder):
    """One home's tokens are the same whatever clips it has besides, and what all share is without any of them."""
    _, task = made(folder)
    clips = np.concatenate(list(task.parts.values()))
    alone, _ = task.tokens_of(clips[:1], 1)
    among, _ = task.tokens_of(clips, 1)
    assert np.abs(alone[0] - among[0]).max() < 1e-5
    _, other = made(folder, seed=5)  # other homes
    assert [sorted(p) for p in task.parts.values()] != [sorted(p) for p in other.parts.values()]


@pytest.mark.parametrize("other_in", ["weights", "denoiser", "features"])
def test_another_backbone_or_feature_is_another_model(folder, tmp_path, other_in):
    """Of the same shapes: only what homes compare tells them apart."""
    _, task = made(folder)
    keras.utils.set_random_seed(9 if other_in == "weights" else 0)
    classifier = build_classifier(PRESETS["tiny"], 3)
    denoiser = build_denoiser(PRESETS["tiny"]) if other_in == "denoiser" else None
    save_trained(Trained(denoiser, classifier, ["a", "b", "c"], 64), tmp_path)
    data = {"corpora": ["tones"], "folds": 3, "mixed_groups": True, "only_folds": ["0"]}
    features = {"band_hz": 3400.0} if other_in == "features" else {}
    settings = {"kind": "adapters", "backbone": str(tmp_path), "data": data, "features": features}
    settings["frames_per_clip"] = 1
    other = make_task(settings, Partition(3, 0.5, 2), task.plan, folder, folder / "work")
    assert other.layout == task.layout
    assert other.identity != task.identity


def test_recordings_are_asked_for(folder, tmp_path):
    with pytest.raises(UserError, match="name the folder that holds metadata.csv with --data"):
        make_task({"kind": "adapters"}, Partition(3, 0.5, 2), None, None, tmp_path)
