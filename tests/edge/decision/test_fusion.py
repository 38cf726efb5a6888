"""Fusion promises: the recorded vectors, any number of experts in any order, and errors that name the expert."""

import itertools
import json
import os

import numpy as np
import pytest

from edge.decision.calibration import entropy, log_posterior
from edge.decision.fusion import METHODS, Fusion
from edge.errors import UserError

with open(os.path.join(os.path.dirname(__file__), "vectors.json")) as _handle:
    CASES = json.load(_handle)["fusion"]
METHOD = {"shared/lse": "shared", "all/lse": "all", "shared/poe": "poe"}
OUTCOMES = [(case, outcome) for case in sorted(CASES) for outcome in sorted(CASES[case]["out"])]
CALIBRATED = {  # case: the one it was made from, temperature of C, of B; its own posteriors are rounded
    "table2_case1_calibrated_TC1.6_TB0.8": ("table2_case1_raw", 1.6, 0.8),
    "V2_calibrated_TC2.0_TB0.8": ("V2_raw", 2.0, 0.8),
}


def logarithm(posterior):
    """Log-posterior of {label: probability}, which the vectors round to six digits."""
    p = np.array(list(posterior.values()))
    with np.errstate(divide="ignore"):
        return np.log(p / p.sum())


def fuse(posteriors, method="all", tau=1.0):
    """Fuse {expert: {label: probability}}: (Fusion, Fused)."""
    fusion = Fusion({name: list(p) for name, p in posteriors.items()}, method, tau)
    return fusion, fusion.fuse({name: logarithm(p) for name, p in posteriors.items()})


@pytest.mark.parametrize("case, outcome", OUTCOMES)
def test_vectors(case, outcome):
    vector = CASES[case]
    expected = vector["out"][outcome]
    rule, tau = outcome.rsplit("/tau", 1)
    raw, *temperatures = CALIBRATED.get(case, (case, 1.0, 1.0))
    experts = {"C": CASES[raw]["p_C"], "B": CASES[raw]["p_B"]}
    fusion = Fusion({name: list(p) for name, p in experts.items()}, METHOD[rule], float(tau))
    fused = fusion.fuse(
        {
            name: log_posterior(logarithm(p), temperature)
            for (name, p), temperature in zip(experts.items(), temperatures)
        }
    )
    np.testing.assert_allclose(fused.entropies, [vector["H_C"], vector["H_B"]], atol=1e-6)
    np.testing.assert_allclose(fused.weights, expected["w"], atol=1e-6)
    posterior = fusion.posterior(fused)
    assert sorted(posterior) == sorted(expected["p"])
    np.testing.assert_allclose(
        [posterior[label] for label in fusion.labels], [expected["p"][label] for label in fusion.labels], atol=1e-6
    )
    assert posterior[expected["argmax"]] == pytest.approx(posterior[fusion.labels[fused.winner]], abs=1e-9)


@pytest.mark.parametrize("case", sorted(CALIBRATED))
def test_vectors_from_before_their_temperatures(case):
    raw, *temperatures = CALIBRATED[case]
    for expert, temperature in zip(("p_C", "p_B"), temperatures):
        ours = np.exp(log_posterior(logarithm(CASES[raw][expert]), temperature))
        np.testing.assert_allclose(ours, [CASES[case][expert][label] for label in CASES[raw][expert]], atol=1e-6)


THREE = {
    "a": {"hungry": 0.7, "tired": 0.2, "pain": 0.1},
    "b": {"tired": 0.5, "hungry": 0.5},
    "c": {"pain": 0.8, "cold": 0.2},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_experts_does_not_matter(method):
    fusion, fused = fuse(THREE, method)
    for order in itertools.permutations(THREE):
        other, other_fused = fuse({name: THREE[name] for name in order}, method)
        assert other.labels == fusion.labels == ["cold", "hungry", "pain", "tired"]
        np.testing.assert_allclose(np.exp(other_fused.log_posterior), np.exp(fused.log_posterior), atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_fused_posterior_sums_to_one(method):
    _, fused = fuse(THREE, method)
    assert np.exp(fused.log_posterior).sum() == pytest.approx(1.0)
    assert fused.weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("method", ["all", "shared", "poe", "soft_average"])
def test_one_expert_and_two_of_the_same_mind_keep_their_word(method):
    for experts in (["a"], ["a", "b"]):
        fusion, fused = fuse(dict.fromkeys(experts, THREE["a"]), method)
        np.testing.assert_allclose(
            [fusion.posterior(fused)[label] for label in THREE["a"]], list(THREE["a"].values()), atol=1e-9
        )


def test_many_answers_at_once_are_the_same_as_one_by_one():
    rng = np.random.RandomState(0)
    labels = {"a": ["x", "y", "z"], "b": ["z", "w"]}
    answers = {"a": log_posterior(rng.randn(4, 5, 3)), "b": log_posterior(rng.randn(4, 5, 2))}
    for method in METHODS:
        fusion = Fusion(labels, method)
        many = fusion.fuse(answers)
        assert many.log_posterior.shape == (4, 5, 4)
        assert many.weights.shape == many.entropies.shape == (4, 5, 2)
        one = fusion.fuse({name: answer[2, 3] for name, answer in answers.items()})
        np.testing.assert_allclose(np.exp(one.log_posterior), np.exp(many.log_posterior[2, 3]), atol=1e-12)
        assert one.winner == many.winner[2, 3]


def test_all_is_the_weighted_sum_of_three_experts_written_out():
    fusion, fused = fuse(THREE, "all", tau=2.0)
    uncertainty = [entropy(logarithm(p)) for p in THREE.values()]
    weights = np.exp(-2.0 * np.array(uncertainty))
    weights /= weights.sum()
    for label, probability in fusion.posterior(fused).items():
        expected = sum(w * p.get(label, 0.0) for w, p in zip(weights, THREE.values()))
        assert probability == pytest.approx(expected, abs=1e-12)


def test_soft_average_is_the_mean_of_probabilities():
    fusion, fused = fuse(THREE, "soft_average", tau=5.0)
    assert fusion.posterior(fused)["tired"] == pytest.approx((0.2 + 0.5) / 3.0)


def test_certainty_counts_for_nothing_at_tau_0():
    _, gated = fuse(THREE, "all", tau=0.0)
    _, average = fuse(THREE, "soft_average")
    np.testing.assert_allclose(gated.log_posterior, average.log_posterior, atol=1e-12)


def test_majority_counts_votes_and_breaks_ties_by_probability():
    votes = {
        "a": {"x": 0.5, "y": 0.3, "z": 0.2},
        "b": {"x": 0.4, "y": 0.3, "z": 0.3},
        "c": {"x": 0.0, "y": 1.0, "z": 0.0},
    }
    fusion, fused = fuse(votes, "majority")
    assert fusion.labels[fused.winner] == "x"  # two votes, though y is likelier on average
    assert fusion.posterior(fused) == pytest.approx({"x": 2.0 / 3.0, "y": 1.0 / 3.0, "z": 0.0})
    del votes["b"]
    fusion, fused = fuse(votes, "majority")
    assert fusion.labels[fused.winner] == "y"


def test_one_zero_in_a_product_is_not_everyones():
    _, fused = fuse({"a": {"x": 0.0, "y": 1.0}, "b": {"x": 1.0, "y": 0.0}}, "poe")
    assert np.isfinite(fused.log_posterior).all()
    np.testing.assert_allclose(np.exp(fused.log_posterior), [0.5, 0.5])


@pytest.mark.parametrize(
    "labels, words",
    [
        ({}, "no expert"),
        ({"a": ["x", "y"], "b": ["z"]}, "experts b share no label with a"),
        ({"a": ["x", "y"], "b": ["y", "z"], "c": ["u", "v"], "d": ["v"]}, "experts c, d share no label with a, b"),
        ({"a": ["x", "x"]}, "expert a has the labels"),
        ({"a": ["x"], "b": []}, "expert b has the labels"),
    ],
)
def test_experts_that_cannot_be_fused_are_named(labels, words):
    with pytest.raises(UserError, match=words):
        Fusion(labels)


def test_a_chain_of_shared_labels_is_enough():
    assert Fusion({"a": ["x", "y"], "c": ["z", "w"], "b": ["y", "z"]}).labels == ["w", "x", "y", "z"]


@pytest.mark.parametrize(
    "method, tau, words", [("mean", 1.0, "'mean'"), ("all", -1.0, "tau is -1"), ("all", float("nan"), "tau is nan")]
)
def test_settings_that_are_not_known_are_named(method, tau, words):
    with pytest.raises(UserError, match=words):
        Fusion({"a": ["x"]}, method, tau)


def test_an_answer_of_nan_or_none_at_all_names_the_expert():
    fusion = Fusion({"a": ["x", "y"], "b": ["y", "z"]})
    with pytest.raises(UserError, match="expert b answered NaN"):
        fusion.fuse({"a": np.log([0.5, 0.5]), "b": np.array([np.nan, 0.0])})
    with pytest.raises(UserError, match="expert b gave no answer"):
        fusion.fuse({"a": np.log([0.5, 0.5])})


@pytest.mark.parametrize("answer", [np.array([2.0, 1.0]), np.log([0.2, 0.3, 0.5])])
def test_raw_logits_and_other_labels_are_refused(answer):
    fusion = Fusion({"a": ["x", "y"]})
    with pytest.raises(ValueError, match="expert a"):
        fusion.fuse({"a": answer})
