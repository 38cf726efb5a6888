"""A compressed model promises the same function at full ranks, and to learn to answer as before."""

import csv
import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")

from edge.errors import UserError  # noqa: E402
from training.command import main  # noqa: E402
from training.compression.imitation import answers_of  # noqa: E402
from training.compression.tensorised import Recipe, densify, tensorise  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402
from training.layers.attention import TransformerBlock  # noqa: E402
from training.layers.lmu import ParallelLMU  # noqa: E402
from training.layers.tensor_train import TTDense  # noqa: E402

layers = keras.layers
FULL = 999


def mixed_model():
    """Every kind of layer that can be compressed, and others between; biases are not where they start."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 4, 1), name="frame")
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inputs)
    x = layers.Conv2D(12, 1, activation="relu", name="pointwise")(x)
    x = layers.Reshape((6, 48), name="flat")(x)
    x = layers.Dense(12, activation="relu", name="dense")(x)
    x = TransformerBlock(2, 24, name="block")(x)
    x = layers.LSTM(12, return_sequences=True, name="lstm")(x)
    x = ParallelLMU(8, 3, 4, 6.0, return_sequences=True, name="lmu")(x)
    x = layers.GRU(8, name="gru")(x)
    model = keras.Model(inputs, layers.Dense(3, name="cause")(x), name="mixed")
    rng = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(weight + 0.1 * rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return mixed_model()


x = np.random.default_rng(2).normal(size=(5, 6, 4, 1)).astype(np.float32)
EVERY = ("pointwise", "dense", "block", "lstm", "lmu", "gru", "cause")


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_full_ranks_change_nothing(model, cores):
    whole = tensorise(model, Recipe(cores, FULL, layers=EVERY))
    assert sum(isinstance(layer, TTDense) for layer in whole.layers) == 3
    np.testing.assert_allclose(answers_of(whole, x), answers_of(model, x), atol=2e-5)


@pytest.mark.parametrize("name, rows, columns", [("dense", (4, 12), (6, 2)), ("lstm", (3, 4), (4, 12))])
def test_a_layer_may_have_factors_of_its_own(model, name, rows, columns):
    whole = tensorise(model, Recipe(2, FULL, layers=(name,), rows=rows, columns=columns))
    layer = whole.get_layer(name)
    train = (layer if name == "dense" else layer.cell.from_input[0]).train
    assert (train.rows, train.columns) == (rows, columns)
    np.testing.assert_allclose(answers_of(whole, x), answers_of(model, x), atol=2e-5)


@pytest.mark.parametrize("gates", ["concatenated", "separate", "gate_core"])
def test_dense_kernels_of_the_cores_are_the_same_function(model, gates):
    small = tensorise(model, Recipe(2, 2, gates, EVERY))
    again = densify(small)
    assert [np.size(weight) for weight in again.weights] == [np.size(weight) for weight in model.weights]
    assert small.count_params() < model.count_params()
    np.testing.assert_allclose(answers_of(again, x), answers_of(small, x), atol=2e-5)


def test_what_would_grow_is_left_alone(model):
    small = tensorise(model, Recipe(2, 2))
    assert type(small.get_layer("cause")) is layers.Dense  # 8 x 3: smaller as it is
    assert isinstance(small.get_layer("dense"), TTDense)


@pytest.mark.parametrize(
    "recipe, says",
    [
        (Recipe(layers=("conv",)), "no layer 'conv' can become a tensor train, there are pointwise, dense"),
        (Recipe(2, 2, layers=("dense",), rows=(5, 9)), "rows is 5 x 9, which is 45 and not 48: 6 x 8"),
        (Recipe(2, 2, layers=("lmu",), rows=(3, 4)), "layer 'lmu' has several kernels"),
        (Recipe(2, 2, rows=(3, 4)), "factors are of one layer, 0 are named"),
        (Recipe(3, FULL), "no layer of mixed becomes smaller with 3 cores of rank 999"),
    ],
)
def test_what_cannot_be_compressed_is_said(model, recipe, says):
    with pytest.raises(UserError, match=says):
        tensorise(model, recipe)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Noises of several colours from eight sources."""
    folder = tmp_path_factory.mktemp("noises")
    rows = [COLUMNS]
    for number in range(16):
        rng = np.random.default_rng(number)
        noise = np.cumsum(rng.standard_normal(24000)) * 0.01 if number % 2 else rng.standard_normal(24000) * 0.1
        soundfile.write(folder / f"{number}.flac", np.clip(noise, -1, 1), 16000)
        rows.append((f"{number}.flac", "noises", str(number % 2), "noncry", f"g{number // 2}", 1 + number // 2 % 4,
                     "CC0-1.0", "open"))  # fmt: skip
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A trained model as cry-train writes one."""
    folder = tmp_path_factory.mktemp("source")
    keras.utils.set_random_seed(3)
    frame = keras.Input((98, 64, 1))
    x = layers.AveragePooling2D((14, 2))(frame)
    x = layers.LSTM(24, name="lstm")(layers.Reshape((7, 32))(x))
    keras.Model(frame, layers.Dense(2)(x)).save(folder / "model.keras")
    (folder / "model.json").write_text(json.dumps({"name": "small", "labels": ["a", "b"], "feature": "log_mel"}))
    return folder


def test_the_command_makes_a_model_that_answers_as_before(source, recordings, tmp_path, whole_module_without_graphs):
    out = tmp_path / "out"
    command = ["compress", "--model", str(source), "--out", str(out), "--cores", "2", "--rank", "2"]
    learning = ["--data", str(recordings), "--epochs", "8", "--learning-rate", "0.02", "--work", str(tmp_path / "work")]
    assert main([*command, *learning]) == 0
    described = json.loads((out / "model.json").read_text())
    report = json.loads((out / "compression.json").read_text())
    assert "training.layers.tensor_train" in described["layers"] and described["labels"] == ["a", "b"]
    assert report["after"]["rms_error"] < 0.7 * report["before"]["rms_error"]
    assert report["parameters"][1] < report["parameters"][0] / 4
    assert set(report["split"]["shared_groups"].values()) == {0}
    assert sorted(path.name for path in out.iterdir()) == ["compression.json", "model.json", "model.keras"]
    small = keras.saving.load_model(out / "model.keras")
    assert main([*command[:-4], "--cores", "2", "--rank", "2", "--dense"]) == 0  # without learning, dense
    dense = keras.saving.load_model(out / "model.keras")
    assert type(dense.get_layer("lstm")) is layers.LSTM and small.count_params() < dense.count_params()


@pytest.mark.parametrize(
    "flags, says",
    [
        (["--rank", "0"], "--rank is 0, it must be at least 1"),
        (["--model", "nowhere"], "nowhere/model.json"),
        (["--layer", "lstm", "--cores", "2", "--columns", "7x14"], "columns is 7 x 14, which is 98 and not 96: 8 x 12"),
        (["--layer", "tail"], "no layer 'tail' can become a tensor train, there are lstm"),
        (["--corpus", "songs"], "has no clip of songs"),
    ],
)
def test_bad_input_is_one_line(source, recordings, tmp_path, capsys, flags, says):
    command = ["compress", "--model", str(source), "--data", str(recordings), "--out", str(tmp_path / "out"), *flags]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert says in error and error.startswith("cry-train: error:") and error.count("\n") == 1
    assert not (tmp_path / "out").exists()
