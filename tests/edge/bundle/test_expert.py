"""An expert fed a few columns at a time says what its whole model says, in every engine; a bundle that cannot be is
refused with the key that is wrong.
"""

import json
import os

import numpy as np
import pytest
from expert_bundle import (
    EXPERTS,
    LATENESS_COLUMNS,
    STEP_COLUMNS,
    STEPS,
    changed,
    every_key,
    expert_entry,
    expert_folder,  # noqa: F401
    open_or_skip,
    read_manifest,
    refusal,
    tiny_columns,
    write_expert_bundle,
    write_manifest,
)

from edge.bundle import load_bundle
from edge.dsp import fused

BLOCKS = {"one by one": 1, "13": 13, "a step": 14, "27": 27, "all at once": STEP_COLUMNS * STEPS}


def logits_of(expert, columns, block):
    """Every answer to columns pushed in blocks, and how many columns each was about."""
    answers, ends = [], []
    for first in range(0, len(columns), block):
        for logits in expert.push(columns[first : first + block]):
            answers.append(logits.copy())
            ends.append(expert.n_encoded)
    assert ends == [STEP_COLUMNS * n - LATENESS_COLUMNS for n in range(1, len(ends) + 1)]
    return np.array(answers)


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize("block", sorted(BLOCKS.values()), ids=sorted(BLOCKS, key=BLOCKS.get))
def test_steps_say_what_the_whole_model_says(tmp_path, kind, block):
    """To 1e-4, and so the engines among each other."""
    for expert in open_or_skip(write_expert_bundle(str(tmp_path), kinds=(kind,))).experts:
        answers = logits_of(expert, tiny_columns(), block)
        np.testing.assert_allclose(answers, EXPERTS[expert.name]["logits"], atol=1e-4)


def test_after_reset_nothing_is_left_of_the_episode_before(expert_folder):  # noqa: F811
    for expert in open_or_skip(expert_folder).experts:
        first = logits_of(expert, tiny_columns()[:60], 60)
        expert.reset()
        np.testing.assert_array_equal(logits_of(expert, tiny_columns()[:60], 60), first)


def test_a_loaded_bundle_says_what_its_experts_are(expert_folder):  # noqa: F811
    bundle = open_or_skip(expert_folder)
    android, ios = bundle.experts
    assert (android.name, ios.name) == ("android", "ios")
    assert android.labels == ["belly_pain", "hungry", "tired"] and android.band_hz == 4000.0
    assert (ios.temperature, ios.energy_threshold, ios.window_columns) == (1.7, None, 233)
    assert (ios.step_columns, ios.lateness_columns) == (STEP_COLUMNS, LATENESS_COLUMNS)
    assert ios.engine_name == bundle.detector.engine_name
    assert (bundle.fusion.method, bundle.fusion.tau, bundle.fusion.uncertain.risk) == ("all", 1.0, 0.2)


def test_warm_up_leaves_no_trace(expert_folder):  # noqa: F811
    bundle = open_or_skip(expert_folder)
    bundle.warm_up()
    for expert in bundle.experts:
        np.testing.assert_allclose(logits_of(expert, tiny_columns(), 20), EXPERTS[expert.name]["logits"], atol=1e-4)


def test_one_expert_is_enough(tmp_path):
    assert [expert.name for expert in open_or_skip(write_expert_bundle(str(tmp_path), ("ios",))).experts] == ["ios"]


MODEL, NORMALISATION = ("models", 1), ("models", 1, "normalisation")


@pytest.mark.parametrize(
    "keys_and_value, said",
    [
        (MODEL + ("name", "ios"), "models is ['ios', 'ios'], each expert needs a name of its own"),
        (MODEL + ("name", "../ios"), "models[1].name is '../ios', letters, digits and . _ - are allowed"),
        (MODEL + ("name", ""), "models[1].name is '', expected text"),
        (MODEL + ("labels", []), "models[1].labels is []"),
        (MODEL + ("labels", ["hungry", "tired", "hungry"]), "each label may be there once"),
        (MODEL + ("labels", ["hungry", "tired"]), "has the output cause of shape (1, 3), expected (1, 2)"),
        (MODEL + ("labels", ["a", "b", "c"]), "share no label with"),
        (MODEL + ("feature", "name", "mfcc"), "name is 'mfcc', this version knows fused, log_mel"),
        (MODEL + ("feature", "band_hz", 0), "band_hz is 0, expected a number from 1 to 8000"),
        (MODEL + ("feature", "band_hz", 9000.0), "band_hz is 9000.0, expected a number from 1 to 8000"),
        (MODEL + ("feature", "parameters", "hop_length", 160), "fused has hop_length = 160, this version computes 240"),
        (NORMALISATION + ("kind", "frame_mean"), "kind is 'frame_mean', this version knows row_z_score"),
        (NORMALISATION + ("rows", []), "normalisation.rows is []"),
        (NORMALISATION + ("rows", list(range(253, 274))), "expected a list of whole numbers from 0 to 272"),
        (NORMALISATION + ("rows", [-1] + list(range(20))), "expected a list of whole numbers from 0 to 272"),
        (NORMALISATION + ("rows", [True] + list(range(20))), "expected a list of whole numbers from 0 to 272"),
        (NORMALISATION + ("rows", [3] * 21), "each row may be there once"),
        (NORMALISATION + ("rows", list(range(20))), "normalisation.mean"),
        (NORMALISATION + ("mean", [0.0] * 20), "expected a list of 21 numbers"),
        (NORMALISATION + ("mean", [float("nan")] * 21), "models[1].normalisation.mean[0]: nan is no number"),
        (NORMALISATION + ("deviation", [1.0] * 22), "expected a list of 21 numbers"),
        (NORMALISATION + ("deviation", [1.0] * 20 + [0.0]), "every deviation must be above 0, the least is 0"),
        (NORMALISATION + ("deviation", [1.0] * 20 + [-2.0]), "every deviation must be above 0, the least is -2"),
        (MODEL + ("step", None), "models[1].step is None, expected an object"),
        (MODEL + ("step", "columns", 0), "step.columns is 0"),
        (MODEL + ("step", "columns", 13), "has the input columns of shape (1, 14, 21, 1), expected (1, 13, 21, 1)"),
        (MODEL + ("step", "window_columns", 1.5), "step.window_columns is 1.5"),
        (MODEL + ("temperature", 0.0), "models[1].temperature is 0.0"),
        (MODEL + ("energy_threshold", "low"), "models[1].energy_threshold is 'low'"),
        (("fusion", None), "fusion is None, expected an object"),
        (("fusion", "method", "loudest"), "fusion.method is 'loudest', this version knows all, shared"),
        (("fusion", "tau", -1.0), "fusion.tau is -1.0, expected a number of at least 0"),
        (("fusion", "uncertain", None), "fusion.uncertain is None"),
        (
            ("fusion", "uncertain", "threshold", 1.2),
            "uncertain.threshold is 1.2, expected null or a number from 0 to 1",
        ),
        (("fusion", "uncertain", "risk", 0.0), "fusion.uncertain.risk is 0.0"),
        (("fusion", "uncertain", "coverage", -0.1), "fusion.uncertain.coverage is -0.1"),
        (("fusion", "uncertain", "measured_risk", "none"), "fusion.uncertain.measured_risk is 'none'"),
        (("fusion", "uncertain", "n_validation", -3), "fusion.uncertain.n_validation is -3"),
    ],
)
def test_what_cannot_be_is_named(expert_folder, keys_and_value, said):  # noqa: F811
    if said.startswith("has the "):  # only an engine tells
        open_or_skip(expert_folder)
    changed(expert_folder, *keys_and_value)
    assert said in refusal(expert_folder)


def test_no_key_of_an_expert_or_of_the_fusion_can_be_left_out(expert_folder):  # noqa: F811
    whole = json.dumps(read_manifest(expert_folder))
    places = [("models", 1) + keys for keys in every_key(json.loads(whole)["models"][1])]
    places += [("fusion",) + keys for keys in every_key(json.loads(whole)["fusion"])]
    for keys in places:
        place = manifest = json.loads(whole)
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        write_manifest(expert_folder, manifest)
        assert str(keys[-1]) in refusal(expert_folder), keys
    assert len(places) > 30


def test_fusion_needs_experts(expert_folder):  # noqa: F811
    changed(expert_folder, "models", read_manifest(expert_folder)["models"][:1])
    assert "null is expected where there is no expert" in refusal(expert_folder)


def test_a_file_that_is_no_step_graph_is_refused(expert_folder):  # noqa: F811
    open_or_skip(expert_folder)
    changed(expert_folder, "models", 1, "files", read_manifest(expert_folder)["models"][0]["files"])
    assert "the expert android in" in refusal(expert_folder)


def test_files_of_experts_are_verified(expert_folder):  # noqa: F811
    with open(os.path.join(expert_folder, "expert_ios.fp32.onnx"), "ab") as file:
        file.write(b"x")
    text = refusal(expert_folder)
    assert "expert_ios.fp32.onnx" in text and "damaged" in text


def test_rows_may_be_in_any_order(tmp_path):
    """Rows are fed to the network in the manifest's order, with their own statistics."""
    folder = write_expert_bundle(str(tmp_path), ("ios",))
    expected = logits_of(open_or_skip(folder).experts[0], tiny_columns(), 14)
    entry = expert_entry(folder, "ios")
    rows = entry["normalisation"]["rows"]
    shifted = [row + 1 for row in rows[:-1]] + [0]
    changed(folder, "models", 1, "normalisation", "rows", shifted)
    columns = np.zeros((len(tiny_columns()), fused.N_ROWS), np.float32)
    columns[:, shifted] = tiny_columns()[:, rows]
    np.testing.assert_array_equal(logits_of(load_bundle(folder).experts[0], columns, 14), expected)
