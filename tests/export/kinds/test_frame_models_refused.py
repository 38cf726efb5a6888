"""Denoisers and frame experts that cannot be, or do not go together: refused with one line."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from frame_examples import TINY, changed, loaded_model

from edge.errors import UserError
from export.model import SourceModel
from export.sources.description import kind_of, read_description
from export.sources.model_set import NOT_USED, load_models
from training.transformer.model import build_denoiser


def evidence_of(model, calibration_dir):
    return model.kind.evidence(model, [model], calibration_dir)


def described_model(description, directory):
    """A model without its network."""
    return SourceModel(directory, description, kind_of(description), None, None)


@pytest.fixture
def described(frame_sources_copy, monkeypatch):
    """The models as model.json describes them, without their networks: whether they can be and go together."""
    monkeypatch.setattr(
        "export.sources.model_set.load_model",
        lambda keras_path, path, *options: described_model(read_description(path), keras_path.parent),
    )
    return lambda: load_models(frame_sources_copy)


@pytest.mark.parametrize(
    "name, changes, text",
    [
        ("transformer", {"denoised": "yes"}, "denoised is 'yes', expected true or false"),
        ("transformer", {"denoised": None}, "denoised is missing"),
        ("transformer", {"temperature": None}, "temperature is missing"),
        ("transformer", {"normalisation": {"kind": "frame_mean", "scale": 4.0}}, "the denoiser has the scale 3"),
        ("transformer", {"step": {"columns": 10, "window_columns": 98}}, "at least 20"),
        ("transformer", {"name": "a/b"}, "letters, digits"),
        ("denoiser", {"feature": "fused"}, "log_mel"),
        ("denoiser", {"normalisation": {"kind": "frame_mean", "scale": 0}}, "scale is 0"),
    ],
)
def test_frame_models_that_cannot_be_are_refused(described, frame_sources_copy, name, changes, text):
    changed(frame_sources_copy / name, **changes)
    with pytest.raises(UserError, match=re.escape(text)):
        described()


def test_denoised_without_a_denoiser_is_refused(refusal, frame_sources_copy):
    shutil.rmtree(frame_sources_copy / "denoiser")
    assert "transformer is denoised, and there is no denoiser" in refusal("--dry-run", model=frame_sources_copy)


def test_two_denoisers_are_refused(described, frame_sources_copy):
    shutil.copytree(frame_sources_copy / "denoiser", frame_sources_copy / "another")
    with pytest.raises(UserError, match="holds 2 denoisers"):
        described()


def test_denoiser_that_no_expert_uses_is_said(described, frame_sources_copy):
    changed(frame_sources_copy / "transformer", denoised=False)
    assert described().warnings == [NOT_USED]


@pytest.mark.parametrize(
    "name, other, text",
    [
        ("denoiser", "detector/detector.keras", "a denoiser gives one like its input"),
        ("transformer", "denoiser/model.keras", "one logit per label is needed"),
    ],
)
def test_network_of_another_shape_is_refused(frame_sources_copy, name, other, text):
    shutil.copy(frame_sources_copy / other, frame_sources_copy / name / "model.keras")
    with pytest.raises(UserError, match=text):
        loaded_model(frame_sources_copy / name)


def test_denoiser_that_was_not_trained_is_refused(keras, frame_sources_copy, calibration_dir):
    """It changes hardly anything; one of other weights changes all, and nothing for the better."""
    model = loaded_model(frame_sources_copy / "denoiser")
    with pytest.raises(UserError, match="changes them by 0.* dB: it is not trained"):
        evidence_of(replace(model, trained=build_denoiser(TINY)), calibration_dir)
    last = model.trained.get_layer("denoiser_change")
    last.set_weights([-40 * weight for weight in last.get_weights()])
    with pytest.raises(UserError, match="it is not trained"):
        evidence_of(model, calibration_dir)


def test_denoiser_that_may_not_denoise_is_warned_of(frame_sources_copy, calibration_dir):
    """It may help the expert it was trained with all the same."""
    model = loaded_model(frame_sources_copy / "denoiser")
    last = model.trained.get_layer("denoiser_change")
    last.set_weights([-2 * weight for weight in last.get_weights()])
    (warning,) = evidence_of(model, calibration_dir).warnings
    assert "does it denoise?" in warning


def test_scale_of_another_unit_is_refused(frame_sources_copy, calibration_dir):
    changed(frame_sources_copy / "denoiser", normalisation={"kind": "frame_mean", "scale": 300.0})
    with pytest.raises(UserError, match="normalisation.scale 300"):
        evidence_of(loaded_model(frame_sources_copy / "denoiser"), calibration_dir)


@pytest.mark.parametrize("name, layer", [("denoiser", "denoiser_change"), ("transformer", "cause")])
def test_weights_that_are_nan_are_refused(frame_sources_copy, calibration_dir, name, layer):
    model = loaded_model(frame_sources_copy / name)
    last = model.trained.get_layer(layer)
    last.set_weights([np.nan * weight for weight in last.get_weights()])
    with pytest.raises(UserError, match="NaN"):
        evidence_of(replace(model, description={**model.description, "denoised": False}), calibration_dir)
