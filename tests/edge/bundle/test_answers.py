"""A bundle whose models answer what is no number, or always the same, is refused with the file's name."""

import os
import shutil

import numpy as np
import pytest
from expert_bundle import changed, write_expert_bundle
from frame_bundle import write_frame_bundle
from loud_bundle import write_loud_bundle
from verifier_bundle import write_verifier_bundle

from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.bundle.answers import LARGEST, check_answers, made_up_frames
from edge.errors import UserError

SMALLEST = 5e-324  # a number to JSON, and 0 as float32


class Network(object):
    """Answers what it is told to, one answer for each made-up frame."""

    path = "bundle/model.tflite"

    def __init__(self, *answers):
        self._answers = answers

    def answers(self):
        for frame, answer in zip(made_up_frames((98, 64)), self._answers):
            yield frame, np.array([answer], np.float32)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 2 * LARGEST])
@pytest.mark.parametrize("position", [0, 2])
def test_an_answer_that_is_no_number_of_a_sensible_size(wrong, position):
    answers = [0.5, 1.5, 2.5]
    answers[position] = [0.0, wrong]
    network = Network(*([0.0, answer] if not isinstance(answer, list) else answer for answer in answers))
    with pytest.raises(UserError, match=r"bundle/model.tflite: the expert a answers (nan|-?inf|2e\+06)"):
        check_answers("expert a", network)


def test_an_answer_that_never_changes():
    with pytest.raises(UserError, match="gives every sound the same answer"):
        check_answers("detector", Network(0.25, 0.25, 0.25, 0.25, 0.25))
    check_answers("detector", Network(0.25, 0.25, 0.25, 0.25, 0.26))


def test_sounds_that_are_made_up_are_numbers_and_differ():
    frames = list(made_up_frames((98, 128)))
    assert len(frames) >= 4 and all(np.isfinite(frame).all() for frame in frames)
    assert len({frame.tobytes() for frame in frames}) == len(frames)


@pytest.mark.parametrize(
    "write, index, key, value, title",
    [
        (write_loud_bundle, 0, "normalisation", {"kind": "frame_mean", "scale": SMALLEST}, "detector"),
        (write_loud_bundle, 0, "normalisation", {"kind": "frame_mean", "scale": 1e300}, "detector"),
        (write_loud_bundle, 0, "temperature", SMALLEST, "detector"),
        (write_frame_bundle, 2, "temperature", SMALLEST, "expert narrow"),
        (write_expert_bundle, 1, "temperature", SMALLEST, "expert android"),
    ],
)
def test_a_manifest_that_makes_a_model_answer_nonsense(tmp_path, write, index, key, value, title):
    write(str(tmp_path))
    load_bundle(tmp_path)
    changed(str(tmp_path), "models", index, key, value)
    with pytest.raises(UserError, match=r"fp32\.(tflite|onnx): the {} ".format(title)) as refused:
        load_bundle(tmp_path)
    assert "\n" not in str(refused.value)


def test_columns_that_become_no_numbers(tmp_path):
    write_expert_bundle(str(tmp_path))
    import json

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    normalisation = dict(manifest["models"][1]["normalisation"])
    normalisation["deviation"] = [SMALLEST] * len(normalisation["deviation"])
    changed(str(tmp_path), "models", 1, "normalisation", normalisation)
    with pytest.raises(UserError, match="the expert android is given"):
        load_bundle(tmp_path)


def test_a_quantised_model_hides_what_it_is_given(tmp_path):
    """int8 has no NaN: what goes in is looked at too."""
    folder = str(tmp_path / "bundle")
    shutil.copytree(DEFAULT_BUNDLE_DIR, folder)
    changed(folder, "models", 0, "normalisation", {"kind": "frame_mean", "scale": SMALLEST})
    try:
        load_bundle(DEFAULT_BUNDLE_DIR)
    except UserError as error:
        pytest.skip(str(error))
    with pytest.raises(UserError, match="the detector is given"):
        load_bundle(folder)


def test_a_verifier_that_answers_nonsense_is_left_out(tmp_path):
    write_verifier_bundle(str(tmp_path))
    bundle = load_bundle(tmp_path)
    runner = bundle.verifier
    assert bundle.left_out == []
    runner.answers = Network(0.1, np.nan, 0.3).answers
    with pytest.raises(UserError, match="the verifier answers nan"):
        check_answers("verifier", runner)


def test_what_ships_is_checked_in_no_time():
    bundle = load_bundle(DEFAULT_BUNDLE_DIR)
    for title, runner in bundle.runners():
        check_answers(title, runner)
        assert os.path.basename(runner.path)
