"""Calibration promises: the recorded vectors, the numbers of SciPy, and errors that say what is wrong with the data."""

import json
import os

import numpy as np
import pytest

from edge.decision import calibration as c
from edge.errors import UserError

with open(os.path.join(os.path.dirname(__file__), "vectors.json")) as _handle:
    VECTORS = json.load(_handle)["misc"]


def random_answers(n, n_classes, seed, sharpness=3.0):
    """Logits (N, K) and classes drawn from their softmax: calibrated at temperature 1."""
    rng = np.random.RandomState(seed)
    logits = sharpness * rng.randn(n, n_classes)
    posterior = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return logits, np.array([rng.choice(n_classes, p=p) for p in posterior])


def nll(logits, classes, temperature):
    return -np.mean(c.log_posterior(logits, temperature)[np.arange(len(classes)), classes])


def test_energy_of_the_vectors():
    assert c.energy([2.0, 1.0, 0.0]) == pytest.approx(VECTORS["energy_z210_T1"], abs=1e-6)
    assert c.energy([2.0, 1.0, 0.0], 2.0) == pytest.approx(VECTORS["energy_z210_T2"], abs=1e-6)


def test_ece_of_the_vectors():
    expected = VECTORS["ece15_conf[.9,.8,.7,.6]_correct[1,1,0,1]"]
    assert c.reliability([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]).ece == pytest.approx(expected, abs=1e-6)


def test_temperature_of_the_vectors():
    vector = VECTORS["temperature"]
    logits, labels = np.array(vector["logits"]), np.array(vector["labels"])
    found = c.fit_temperature(logits, labels)
    assert found == pytest.approx(vector["T_star"], abs=1e-6)
    assert nll(logits, labels, 1.0) == pytest.approx(vector["nll_T1"], abs=1e-6)
    assert nll(logits, labels, found) == pytest.approx(vector["nll_Tstar"], abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_the_temperature_is_the_one_that_scipy_finds(seed):
    optimize = pytest.importorskip("scipy.optimize")
    logits, classes = random_answers(200, 4, seed, sharpness=1.0 + seed)
    found = optimize.minimize_scalar(
        lambda log_t: nll(logits, classes, np.exp(log_t)),
        bounds=np.log((0.05, 20.0)),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert c.fit_temperature(logits, classes) == pytest.approx(np.exp(found.x), rel=1e-4)


@pytest.mark.parametrize("scale", [0.25, 1.0, 3.0])
def test_the_temperature_undoes_how_much_logits_were_blown_up(scale):
    logits, classes = random_answers(20000, 3, 0)
    assert c.fit_temperature(scale * logits, classes) == pytest.approx(scale, rel=0.05)


def test_a_single_logit_stands_against_zero():
    logits, classes = random_answers(500, 2, 1)
    single = logits[:, 1:] - logits[:, :1]
    assert c.fit_temperature(single, classes) == pytest.approx(c.fit_temperature(logits, classes), rel=1e-9)


def test_the_temperature_stays_in_its_range():
    logits = np.array([[5.0, 0.0], [0.0, 5.0]])
    assert c.fit_temperature(logits, [0, 1]) == pytest.approx(0.05, rel=1e-9)
    assert c.fit_temperature(logits, [1, 0]) == pytest.approx(20.0, rel=1e-9)


def test_the_log_posterior_is_scipys_and_never_overflows():
    special = pytest.importorskip("scipy.special")
    logits = np.random.RandomState(0).randn(2, 5, 4) * 1000.0
    expected = logits / 2.5 - special.logsumexp(logits / 2.5, axis=-1, keepdims=True)
    np.testing.assert_allclose(c.log_posterior(logits, 2.5), expected, atol=1e-9)
    np.testing.assert_allclose(np.exp(c.log_posterior(logits)).sum(axis=-1), 1.0, rtol=1e-12)


def test_temperature_never_changes_the_winner_nor_an_offset_the_posterior():
    logits = np.random.RandomState(0).randn(100, 5)
    for temperature in (0.05, 0.7, 20.0):
        scaled = c.log_posterior(logits, temperature)
        np.testing.assert_array_equal(scaled.argmax(axis=1), logits.argmax(axis=1))
        np.testing.assert_allclose(c.log_posterior(logits + 7.0, temperature), scaled, atol=1e-9)


def test_entropy_is_scipys_and_an_impossible_label_adds_nothing():
    special = pytest.importorskip("scipy.special")
    posterior = np.random.RandomState(0).dirichlet(np.ones(4), size=10)
    np.testing.assert_allclose(c.entropy(np.log(posterior)), special.entr(posterior).sum(axis=1), rtol=1e-9)
    assert c.entropy([0.0, -np.inf]) == 0.0
    assert c.entropy(np.log([0.5, 0.5])) == pytest.approx(np.log(2.0))


def test_reliability_counts_each_answer_in_the_bin_of_its_confidence():
    found = c.reliability([0.0, 0.05, 0.99, 1.0, 1.0], [True, False, True, True, False])
    assert found.counts.tolist() == [2] + 13 * [0] + [3]
    assert found.accuracy[0] == 0.5
    assert found.confidence[14] == pytest.approx((0.99 + 1.0 + 1.0) / 3.0)
    assert np.isnan(found.accuracy[1:14]).all()
    assert found.ece == pytest.approx((abs(1.0 - 0.05) + abs(2.0 - 2.99)) / 5.0)
    assert len(found.edges) == 16


def test_answers_drawn_from_their_posterior_are_calibrated_until_they_are_sharpened():
    logits, classes = random_answers(20000, 3, 2)

    def ece(temperature):
        posterior = np.exp(c.log_posterior(logits, temperature))
        return c.reliability(posterior.max(axis=1), posterior.argmax(axis=1) == classes).ece

    assert ece(1.0) < 0.015 < 0.03 < ece(0.3)


def test_the_energy_threshold_lets_95_of_100_known_sounds_through():
    energies = np.random.RandomState(0).randn(1000)
    assert np.mean(energies <= c.fit_energy_threshold(energies)) == pytest.approx(0.95, abs=0.002)


@pytest.mark.parametrize(
    "logits, classes, words",
    [
        (np.zeros((0, 3)), [], r"shape \(0, 3\) and 0 classes"),
        (np.zeros((2, 3)), [0], "1 classes"),
        ([[np.nan, 0.0], [1.0, 0.0]], [0, 1], "1 of 4 logits are not finite"),
        (np.zeros((2, 3)), [0, 3], "from 0 to 3"),
        (np.zeros((2, 3)), [-1, 0], "from -1 to 0"),
    ],
)
def test_what_no_temperature_can_be_fitted_to_is_said(logits, classes, words):
    with pytest.raises(UserError, match=words):
        c.fit_temperature(logits, classes)


@pytest.mark.parametrize(
    "confidence, correct, words",
    [
        ([], [], "0 confidences"),
        ([0.5, 0.6], [True], "2 confidences and 1 judgements"),
        ([0.5, np.nan], [True, True], "nan"),
        ([0.5, 1.5], [True, True], "1.5"),
    ],
)
def test_what_is_no_confidence_is_said(confidence, correct, words):
    with pytest.raises(UserError, match=words):
        c.reliability(confidence, correct)


@pytest.mark.parametrize("energies", [[], [1.0, np.nan]])
def test_no_energy_threshold_comes_of_nothing(energies):
    with pytest.raises(UserError, match="energy threshold"):
        c.fit_energy_threshold(energies)


def test_a_bin_with_one_answer_shows_it_and_the_bins_are_fifteen():
    found = c.reliability([1.0 / 15.0, 0.5], [True, False])
    assert np.flatnonzero(found.counts).tolist() == [1, 7]  # a bin includes its lower edge
    assert found.accuracy[[1, 7]].tolist() == [1.0, 0.0] and found.confidence[7] == 0.5
    np.testing.assert_allclose(found.edges, np.arange(16) / 15.0)


@pytest.mark.parametrize("confidence, is_one", [(-1e-6, False), (0.0, True), (1.0 + 1e-10, True), (1.0 + 1e-6, False)])
def test_a_confidence_is_a_share_but_for_rounding(confidence, is_one):
    if is_one:
        c.reliability([confidence], [True])
        return
    with pytest.raises(UserError, match="expected probabilities"):
        c.reliability([confidence], [True])


def test_one_answer_is_enough_to_fit_a_temperature_on():
    assert c.fit_temperature([[1.0, 0.0]], [0]) == pytest.approx(0.05)
    with pytest.raises(UserError, match="one row for each"):
        c.fit_temperature([1.0, 0.0], [0, 1])
    with pytest.raises(UserError, match="from 0 to 2, the logits have 2"):
        c.fit_temperature([[1.0], [0.0], [2.0]], [0, 1, 2])
    with pytest.raises(UserError, match="3 energies of which 1 are finite"):
        c.fit_energy_threshold([np.nan, 1.0, np.inf])


def test_nothing_is_certain_of_answers_that_are_all_impossible():
    assert c.log_sum_exp([-np.inf, -np.inf]) == -np.inf
    assert c.log_sum_exp([[0.0, 0.0], [1000.0, -np.inf]]).tolist() == [pytest.approx(np.log(2.0)), 1000.0]
    assert c.log_sum_exp([[0.0, 7.0], [0.0, 7.0]], axis=0).tolist() == pytest.approx([np.log(2.0), 7.0 + np.log(2.0)])
