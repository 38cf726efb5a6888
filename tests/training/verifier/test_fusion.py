"""The fusion promises a probability that follows the summed evidence, and the model directory what export reads."""

import json
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("sklearn")

from edge.errors import UserError  # noqa: E402
from training.data.corpora import CRY, NONCRY, UNVERIFIED, Clip  # noqa: E402
from training.layers.yamnet import read_kernels  # noqa: E402
from training.verifier.config import CLASSES, SLOPES, UNASKED, cascade  # noqa: E402
from training.verifier.fusion import clip_scores, fit, largest  # noqa: E402
from training.verifier.hearing import Heard  # noqa: E402
from training.verifier.release import DESCRIPTION, MODEL, SHIPPED, save_packed, shipped_cascade  # noqa: E402

REPOSITORY = Path(__file__).parents[3]


def clip(label, number):
    return Clip(Path(f"{label}{number}.wav"), "made", label, label, f"{label}{number}", 1, "", "open")


def answers(detector, baby):
    """Twenty loud frames of one evidence."""
    verifier = np.tile([baby, -5.0, -5.0], (20, 1))
    return Heard(np.full(20, float(detector)), verifier, np.full(24, -20.0))


@pytest.fixture
def material():
    rng = np.random.default_rng(0)
    clips = [clip(label, number) for label in (CRY, NONCRY, UNVERIFIED) for number in range(40)]
    level = {CRY: (2.5, -1.0), NONCRY: (1.5, -4.0), UNVERIFIED: (1.0, 9.0)}
    heard = [answers(*(np.array(level[c.detector_label]) + rng.normal(0, (1.0, 3.0)))) for c in clips]
    return clips, heard


def test_more_evidence_of_either_network_is_a_larger_probability(material):
    fitted = fit(*material)
    scores = clip_scores([answers(0, -8), answers(3, -8), answers(3, 0), answers(5, 0)], fitted)
    assert (np.diff(scores) > 0.01).all() and scores[0] < 0.3 and scores[-1] > 0.7


def test_the_fit_is_calibrated_and_hears_no_unverified_clip(material):
    clips, heard = material
    fitted = fit(clips, heard)
    known = [i for i, c in enumerate(clips) if c.detector_label != UNVERIFIED]
    scores = clip_scores([heard[i] for i in known], fitted)
    assert scores.mean() == pytest.approx(0.5, abs=0.05)
    assert fit([clips[i] for i in known], [heard[i] for i in known]) == fitted


def test_what_is_never_asked_ranks_below_what_is(material):
    fitted = fit(*material)
    below_gate, barely_asked = answers(-2.3, 5), answers(-2.1, -8)
    unasked, asked = clip_scores([below_gate, barely_asked], fitted)
    assert unasked < asked


def test_one_loud_frame_is_smoothed():
    assert largest(np.array([0.0, 0.9, 0.0, 0.0])) == pytest.approx(0.3)
    assert largest(np.array([0.6])) == pytest.approx(0.2)


def test_what_ships_has_a_cascade_for_its_labels_and_is_small():
    described = json.loads((SHIPPED / DESCRIPTION).read_text())
    shipped = shipped_cascade()
    assert described["labels"] == list(CLASSES) and len(shipped.weights) == len(CLASSES)
    assert shipped == cascade(shipped.bias, shipped.detector_weight)._replace(weights=shipped.weights)
    np.testing.assert_allclose(np.array(shipped.weights) / shipped.detector_weight, SLOPES, atol=2e-3)
    assert shipped.unasked == list(UNASKED)
    assert (SHIPPED / MODEL).stat().st_size < 6_000_000


def test_a_packed_model_is_the_same_model(tmp_path):
    patch = keras.Input((4, 3))
    model = keras.Model(patch, keras.layers.Dense(2)(keras.layers.Flatten()(patch)))
    save_packed(model, tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert [path.name for path in tmp_path.iterdir()] == ["m.keras"]


def test_another_network_is_not_taken_for_yamnet(tmp_path):
    pytest.importorskip("ai_edge_litert")
    detector = REPOSITORY / "benchmarks/detection/detector_folds/fold1/detector.int8.tflite"
    with pytest.raises(UserError, match="is not YAMNet"):
        read_kernels(detector)
    (tmp_path / "broken.tflite").write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be read"):
        read_kernels(tmp_path / "broken.tflite")
