"""The losses of denoiser and classifier promise what their equations say, on whatever backend."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from training.transformer.objectives import CauseLoss, DenoisingLoss, targets  # noqa: E402

LOGITS = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 3.0]], np.float32)
ENERGY = -np.log(np.exp(LOGITS).sum(axis=1))  # of the first: -2.4076
NO_LABEL = np.array([-1, -1])
EVEN = np.ones(3)
NOBODY, EVERYBODY = np.zeros(2, bool), np.ones(2, bool)


def value(loss, wanted, logits=LOGITS):
    return float(keras.ops.convert_to_numpy(loss(wanted, logits)))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def test_a_label_counts_by_its_weight():
    wanted = targets(np.array([0, 1]), np.array([1.0, 3.0, 1.0]), NOBODY, None)
    expected = -(log_softmax(LOGITS)[0, 0] + 3 * log_softmax(LOGITS)[1, 1]) / 2
    assert value(CauseLoss(3), wanted) == pytest.approx(expected, rel=1e-5)


def test_without_a_label_only_the_energy_counts():
    assert ENERGY[0] == pytest.approx(-2.4076, abs=1e-4)
    assert value(CauseLoss(3), targets(NO_LABEL, EVEN, NOBODY, None)) == 0.0


@pytest.mark.parametrize("is_outlier, squares", [(NOBODY, ENERGY + 5), (EVERYBODY, -2 - ENERGY)])
def test_energies_are_driven_beyond_their_margins(is_outlier, squares):
    loss = CauseLoss(3, energy_weight=0.5, energy_known=-5.0, energy_outlier=-2.0)
    wanted = targets(NO_LABEL, EVEN, is_outlier, None)
    expected = 0.5 * np.mean(np.maximum(squares, 0) ** 2)
    assert value(loss, wanted) == pytest.approx(expected, rel=1e-4)
    within = LOGITS - 10 if is_outlier.all() else LOGITS + 10
    assert value(loss, wanted, within) == 0.0


def test_nothing_answers_better_than_as_the_teacher_does():
    softness = 2.0
    taught = np.exp(log_softmax(LOGITS / softness))
    loss = CauseLoss(3, distil_weight=1.0, distil_temperature=softness)
    wanted = targets(np.array([1, 0]), EVEN, NOBODY, taught)
    same = value(loss, wanted)
    assert same == pytest.approx(-(softness**2) * np.mean((taught * np.log(taught)).sum(axis=1)), rel=1e-4)
    for other in (LOGITS * 2, LOGITS[::-1].copy(), LOGITS + [[0.5, 0, 0]]):
        assert value(loss, wanted, np.float32(other)) > same


def test_losses_are_saved_with_what_they_weigh():
    for loss in (CauseLoss(3, 0.5, -5.0, -2.0, 0.7, 2.0), DenoisingLoss(0.1, 0.2)):
        again = keras.losses.deserialize(keras.losses.serialize(loss))
        assert again.get_config() == loss.get_config()
