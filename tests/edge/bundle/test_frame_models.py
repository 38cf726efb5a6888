"""The denoiser and experts that look at frames say what their Keras models say, in every engine; a bundle in which they
do not go together is refused with what is wrong.
"""

import json

import numpy as np
import pytest
from expert_bundle import changed, every_key, open_or_skip, read_manifest, refusal, write_manifest
from frame_bundle import FRAMES, SCALES, frame_expert_entry, tiny_input, write_frame_bundle

from edge.bundle import Expert, FrameExpert, open_runner
from edge.bundle.manifest import read_manifest as read_typed

DENOISER, NARROW, WIDE = 1, 2, 3  # places in the manifest


@pytest.fixture
def folder(tmp_path):
    """Directory of a bundle with a denoiser, the experts narrow and wide, and ios."""
    return write_frame_bundle(str(tmp_path))


def frame_of(x, scale):
    """A log-mel frame that is x once it is normalised, but for the mean of x."""
    return x * np.float32(scale) - np.float32(7.0)


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_frames_are_judged_as_keras_judges_them(tmp_path, kind):
    """To 1e-4, and so the engines among each other; the mean of a test input is taken back in."""
    bundle = open_or_skip(write_frame_bundle(str(tmp_path), kinds=(kind,)))
    narrow, wide, _ = bundle.experts
    for n in range(16):
        x, wide_x = tiny_input(n), tiny_input(n, 128)
        bundle.denoiser.frame[...] = x
        bundle.denoiser.infer()
        logits = narrow.push(bundle.denoiser.output[0, :, :, 0])
        np.testing.assert_allclose(logits, FRAMES["narrow"]["logits"][n], atol=1e-4, rtol=1e-4)
        wide.frame[...] = wide_x
        wide.infer()
        np.testing.assert_allclose(wide.output[0], FRAMES["wide"]["logits"][n], atol=1e-4, rtol=1e-4)


def test_what_looks_at_a_frame_sees_it_less_its_mean_over_the_scale(folder):
    """And louder is not different."""
    bundle = open_or_skip(folder)
    narrow, wide, _ = bundle.experts
    for runner, name, look in ((bundle.denoiser, "narrow", bundle.denoiser.estimate), (wide, "wide", wide.push)):
        x = tiny_input(9, runner.n_mels)
        first = look(frame_of(x, SCALES[name])).copy()
        np.testing.assert_allclose(runner.frame, x - x.mean(), atol=1e-5)
        np.testing.assert_allclose(look(frame_of(x, SCALES[name]) + np.float32(3.0)), first, atol=1e-4)


def test_a_denoised_expert_takes_the_estimate_as_it_is(folder):
    bundle = open_or_skip(folder)
    estimate = bundle.denoiser.estimate(frame_of(tiny_input(5), 3.0))
    bundle.experts[0].push(estimate)
    np.testing.assert_array_equal(bundle.experts[0].frame, estimate)


def test_nothing_is_copied_on_the_way_through_the_denoiser(folder):
    denoiser = open_or_skip(folder).denoiser
    estimate = denoiser.estimate(frame_of(tiny_input(5), 3.0))
    assert np.shares_memory(estimate, denoiser.output)
    assert denoiser.estimate(frame_of(tiny_input(6), 3.0)) is estimate


def test_a_loaded_bundle_says_what_its_models_are(folder):
    bundle = open_or_skip(folder)
    narrow, wide, ios = bundle.experts
    assert isinstance(narrow, FrameExpert) and isinstance(wide, FrameExpert) and isinstance(ios, Expert)
    assert bundle.denoiser.n_mels == 64 and bundle.denoiser.engine_name == bundle.detector.engine_name
    assert (narrow.name, narrow.labels) == ("narrow", ["discomfort", "hungry", "tired"])
    assert (narrow.temperature, narrow.energy_threshold, narrow.is_denoised, narrow.n_mels) == (1.3, None, True, 64)
    assert (wide.step_columns, wide.window_columns, wide.is_denoised, wide.n_mels) == (20, 98, False, 128)
    assert [model.title for model in read_typed(folder).models] == [
        "detector",
        "denoiser",
        "expert narrow",
        "expert wide",
        "expert ios",
    ]


def test_an_expert_knows_where_its_frames_end(folder):
    narrow = open_or_skip(folder).experts[0]
    assert (narrow.n_encoded, narrow.next_end) == (0, 98)
    narrow.push(np.zeros((98, 64), np.float32))
    assert (narrow.n_encoded, narrow.next_end) == (98, 138)
    narrow.reset()
    assert (narrow.n_encoded, narrow.next_end) == (0, 98)


def test_warm_up_leaves_no_trace(folder):
    bundle = open_or_skip(folder)
    bundle.warm_up()
    assert [expert.n_steps for expert in bundle.experts] == [0, 0, 0]
    x = tiny_input(3)
    bundle.denoiser.frame[...] = x
    bundle.denoiser.infer()
    np.testing.assert_allclose(
        bundle.experts[0].push(bundle.denoiser.output[0, :, :, 0]), FRAMES["narrow"]["logits"][3], atol=1e-4, rtol=1e-4
    )


def test_a_frame_of_another_shape_is_a_value_error(folder):
    bundle = open_or_skip(folder)
    for look in (bundle.denoiser.estimate, bundle.experts[1].push):
        with pytest.raises(ValueError, match=r"got \(97, 64\)"):
            look(np.zeros((97, 64), np.float32))
    with pytest.raises(ValueError):
        bundle.experts[0].push(np.zeros((97, 64), np.float32))


def test_a_bundle_without_a_denoiser_has_none(tmp_path):
    folder = write_frame_bundle(str(tmp_path), ("wide",))
    changed(folder, "models", [model for model in read_manifest(folder)["models"] if model["role"] != "denoiser"])
    bundle = open_or_skip(folder)
    assert bundle.denoiser is None
    bundle.warm_up()


def test_every_model_can_be_opened_on_its_own(folder):
    open_or_skip(folder)
    for model in read_typed(folder).models:
        assert open_runner(model, folder).engine_name


@pytest.mark.parametrize(
    "place, keys_and_value, said",
    [
        (NARROW, ("feature", "parameters", "n_mels", 40), "n_mels = 40, this version computes 64 or 128"),
        (0, ("feature", "parameters", "n_mels", 128), "n_mels = 128, this version computes 64: use a model"),
        (NARROW, ("feature", "parameters", "hop_length", 128), "hop_length = 128, this version computes 160"),
        (DENOISER, ("feature", "name", "fused"), "feature.name is 'fused', this version knows log_mel"),
        (DENOISER, ("normalisation", "kind", "row_z_score"), "kind is 'row_z_score', this version knows frame_mean"),
        (NARROW, ("normalisation", "kind", "row_z_score"), "kind is 'row_z_score', this version knows frame_mean"),
        (DENOISER, ("normalisation", "scale", 0), "normalisation.scale is 0, expected a number above 0"),
        (NARROW, ("step", "columns", 19), "step.columns is 19, expected a whole number of at least 20"),
        (NARROW, ("step", "window_columns", 233), "step.window_columns is 233, a log_mel frame has 98"),
        (NARROW, ("denoised", 1), "denoised is 1, expected true or false"),
        (NARROW, ("denoised", None), "denoised is None, expected true or false"),
        (NARROW, ("temperature", None), "temperature is None"),
        (NARROW, ("energy_threshold", "low"), "energy_threshold is 'low'"),
        (
            WIDE,
            ("denoised", True),
            "the expert wide was trained behind a denoiser with 128 bands, the denoiser has 64 bands",
        ),
        (
            DENOISER,
            ("normalisation", "scale", 2.5),
            "the expert narrow was trained behind a denoiser with the scale 3, the denoiser has the scale 2.5",
        ),
        (DENOISER, ("role", "expert"), "models[1].labels is missing"),
        (WIDE, ("role", "denoiser"), "'expert', 'denoiser', 'expert'], at most one denoiser is allowed"),
    ],
)
def test_what_cannot_be_is_named(folder, place, keys_and_value, said):
    changed(folder, "models", place, *keys_and_value)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    "place, keys_and_value, said",
    [
        (
            NARROW,
            ("labels", ["hungry", "tired"]),
            "maps [(1, 98, 64, 1)] to [(1, 3)], expected (1, 98, 64, 1) to (1, 2): ",
        ),
        (WIDE, ("feature", "parameters", "n_mels", 64), "maps [(1, 98, 128, 1)] to [(1, 2)], expected (1, 98, 64, 1)"),
    ],
)
def test_a_network_of_another_shape_is_refused(folder, place, keys_and_value, said):
    open_or_skip(folder)
    changed(folder, "models", place, *keys_and_value)
    text = refusal(folder)
    assert text.startswith("the expert {} in {} ".format("narrow" if place == NARROW else "wide", folder))
    assert said in text and "export the bundle again" in text


def test_a_denoised_expert_needs_a_denoiser(folder):
    models = read_manifest(folder)["models"]
    changed(folder, "models", models[:DENOISER] + models[NARROW:])
    assert "the expert narrow is denoised, and there is no denoiser among the models" in refusal(folder)


def test_a_file_that_is_no_denoiser_is_refused(folder):
    open_or_skip(folder)
    changed(folder, "models", DENOISER, "files", read_manifest(folder)["models"][0]["files"])
    assert "the denoiser in {} maps [(1, 98, 64, 1)] to [(1, 1)], expected (1, 98, 64, 1) to (1, 98, 64, 1)".format(
        folder
    ) in refusal(folder)


def test_no_key_of_them_can_be_left_out_but_the_denoisers_name(folder):
    whole = json.dumps(read_manifest(folder))
    places = [
        ("models", place) + keys
        for place in (DENOISER, NARROW)
        for keys in every_key(json.loads(whole)["models"][place])
    ]
    places.remove(("models", DENOISER, "name"))
    for keys in places:
        place = manifest = json.loads(whole)
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]
        write_manifest(folder, manifest)
        text = refusal(folder)
        assert str(keys[-1]) in text or keys[-1] == "role", keys
    assert len(places) > 40


def test_labels_join_experts_of_both_kinds(folder):
    changed(folder, "models", WIDE, dict(frame_expert_entry(folder, "wide"), labels=["burping", "thirsty"]))
    assert "experts wide share no label with ios, narrow" in refusal(folder)
