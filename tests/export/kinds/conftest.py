"""A detector, a denoiser and an expert behind it, made once for the tests of frame models."""

import json
import shutil

import pytest
from expert_examples import FUSION
from frame_examples import DENOISER, EXPERT, trained_classifier, trained_denoiser, write_model


@pytest.fixture(scope="session")
def frame_sources(keras, model_dir, tmp_path_factory):
    """A detector, a denoiser, an expert behind it."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(model_dir, folder / "detector")
    denoiser = trained_denoiser(keras)
    write_model(folder / "denoiser", denoiser, DENOISER)
    write_model(folder / "transformer", trained_classifier(keras, denoiser), EXPERT)
    (folder / "fusion.json").write_text(json.dumps(FUSION))
    return folder


@pytest.fixture
def frame_sources_copy(frame_sources, tmp_path):
    """The directory, free to be changed."""
    return shutil.copytree(frame_sources, tmp_path / "sources")
