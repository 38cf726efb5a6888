"""What an interrupted training goes on from promises: whenever it was cut, a whole turn is there."""

from pathlib import Path

import keras
import numpy as np
import pytest

from training.runs import checkpoints


@pytest.fixture
def model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])


def loaded(folder):
    """The kernel and the progress that were kept last."""
    file, progress = checkpoints.kept(folder)
    return keras.saving.load_model(file).layers[0].kernel.numpy().ravel().tolist(), progress


def after_turn(model, number):
    model.layers[0].kernel.assign(np.full((3, 1), number))
    return model


def test_the_last_turn_is_kept_alone(model, tmp_path):
    assert checkpoints.kept(tmp_path) is None
    for turn in (1, 2, 10):
        checkpoints.keep(tmp_path, turn, after_turn(model, turn), {"turns": turn})
    assert loaded(tmp_path) == ([10.0] * 3, {"turns": 10})
    assert len(list(tmp_path.iterdir())) == 2
    checkpoints.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", ["while the model is written", "before the progress", "while the progress is written"])
def test_a_cut_while_files_are_written_leaves_the_turn_before(model, tmp_path, monkeypatch, cut):
    checkpoints.keep(tmp_path, 1, after_turn(model, 1), ["one"])
    save, write_text = keras.Model.save, Path.write_text

    def cut_save(self, file):
        save(self, file)
        if cut == "while the model is written":
            file.write_bytes(file.read_bytes()[:100])
            raise KeyboardInterrupt

    def cut_write(self, text):
        if cut == "while the progress is written":
            write_text(self, text[:5])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "save", cut_save)
        patch.setattr(Path, "write_text", cut_write)
        with pytest.raises(KeyboardInterrupt):
            checkpoints.keep(tmp_path, 2, after_turn(model, 2), ["one", "two"])
    assert loaded(tmp_path) == ([1.0] * 3, ["one"])
    checkpoints.keep(tmp_path, 2, after_turn(model, 2), ["one", "two"])
    assert loaded(tmp_path) == ([2.0] * 3, ["one", "two"])
