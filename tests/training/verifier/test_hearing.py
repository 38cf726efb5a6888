"""Hearing promises what the device would say: the same logits, questions and probabilities, only in batches."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("ai_edge_litert")

from edge.bundle import load_bundle  # noqa: E402
from edge.bundle.model import Decision, Thresholds  # noqa: E402
from edge.config import load_settings  # noqa: E402
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch  # noqa: E402
from edge.pipeline import Pipeline  # noqa: E402
from edge.records import Frame  # noqa: E402
from edge.synthesis import infant_cry, infant_laughter  # noqa: E402
from training.verifier.config import cascade  # noqa: E402
from training.verifier.hearing import (  # noqa: E402
    Heard,
    Recorded,
    as_asked,
    follow,
    hear,
    probabilities,
    tflite_network,
    wherever_suspicious,
)
from training.verifier.material import keep, kept  # noqa: E402
from training.verifier.release import fold_detectors, shipped_network  # noqa: E402

REPOSITORY = Path(__file__).parents[3]
BUNDLE = "benchmarks/detection/detector_folds/fold1"
ASKED = cascade(0.5, 0.4)


@pytest.fixture(scope="module")
def stream():
    """Half a minute: a quiet room, a cry, laughter."""
    rng = np.random.default_rng(3)
    samples = 1e-4 * rng.standard_normal(16000 * 28)
    samples[16000 * 8 : 16000 * 14] += infant_cry(6.0, rng).samples
    samples[16000 * 18 : 16000 * 24] += infant_laughter(6.0, rng)
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def heard(stream):
    detector = tflite_network(REPOSITORY / BUNDLE / "detector.int8.tflite")
    return hear(stream, detector, shipped_network(), wherever_suspicious)


class FloatVerifier(Recorded):
    """The network that ships, asked by the real pipeline."""

    window_length = PATCH_LENGTH
    decision = Decision(Thresholds(0.99, 0.99, None), {})

    def __init__(self):
        super().__init__(ASKED, np.zeros(0))
        self.network = shipped_network()

    def logits(self, samples):
        return np.asarray(self.network(yamnet_patch(samples)[None, ..., None]))[0]


def device_frames(stream, verifier):
    """What the real pipeline says to every frame, before smoothing; no episode opens, which would hold the gate."""
    detector = load_bundle(str(REPOSITORY / BUNDLE)).detector
    bundle = SimpleNamespace(
        detector=detector, verifier=verifier, decision=FloatVerifier.decision, experts=[], infant=None
    )
    settings = load_settings(None)
    settings = settings._replace(decision=settings.decision._replace(smoothing_frames=1))
    return [record for record in Pipeline(bundle, settings).push(stream) if isinstance(record, Frame)]


def test_the_cascade_says_what_the_device_says(stream, heard):
    frames = device_frames(stream, FloatVerifier())
    found, asked = follow(heard, ASKED)
    assert 3 < len(asked) < len(frames) / 2
    assert len(found) == len(frames)
    np.testing.assert_allclose(found, [frame.cry_probability for frame in frames], atol=1e-3)


def test_the_detector_alone_says_what_the_device_says(stream, heard):
    frames = device_frames(stream, None)
    found = probabilities(heard, None)
    assert any(frame.gated for frame in frames)
    np.testing.assert_allclose(found, [frame.cry_probability for frame in frames], atol=1e-4)


def test_an_answer_is_there_wherever_a_gate_may_ask(heard):
    suspicious = heard.detector >= np.log(0.2 / 0.8)
    assert suspicious.any() and not np.isnan(heard.verifier[suspicious]).any()
    assert np.isnan(heard.verifier).any()


def test_answers_where_the_device_asks_are_enough(stream, heard):
    detector = tflite_network(REPOSITORY / BUNDLE / "detector.int8.tflite")
    fewer = hear(stream, detector, shipped_network(), as_asked(ASKED))
    assert np.isfinite(fewer.verifier[:, 0]).sum() < np.isfinite(heard.verifier[:, 0]).sum()
    np.testing.assert_allclose(probabilities(fewer, ASKED), probabilities(heard, ASKED), atol=1e-4)


def test_a_recording_shorter_than_a_frame_is_one_frame():
    detectors = fold_detectors(REPOSITORY / "benchmarks/detection/detector_folds")
    heard = hear(np.zeros(100, np.float32), detectors[1], shipped_network(), wherever_suspicious)
    assert len(heard.detector) == 1 and len(heard.levels_dbfs) == 5


def test_what_is_kept_is_what_was_heard(heard, tmp_path):
    short = Heard(heard.detector[:3], heard.verifier[:3], heard.levels_dbfs[:7])
    keep(tmp_path / "heard.npz", [heard, short])
    again = kept(tmp_path / "heard.npz")
    assert [len(one.detector) for one in again] == [len(heard.detector), 3]
    np.testing.assert_array_equal(again[0].verifier, heard.verifier)
    np.testing.assert_array_equal(again[1].detector, short.detector)
    assert not list(tmp_path.glob("*.partial*"))
