"""From pooled answers to an event's cause."""

from collections import namedtuple

import numpy as np
import pytest

from edge.bundle.manifest import FusionSettings
from edge.causes.episode_pooling import Answer
from edge.causes.verdict import Verdict
from edge.decision.calibration import log_posterior
from edge.decision.uncertain import UncertainRule
from edge.records import Event

Expert = namedtuple("Expert", "name labels temperature energy_threshold")
EVENT = Event(start_s=1.0, end_s=4.0, cry_probability=0.9)
# Calibration flips hungry to hug.
C = np.log([0.85, 0.15])
B = np.log([0.80, 0.20])


def verdict(thresholds=(None, None), threshold=0.0, temperatures=(2.0, 0.8), method="all"):
    experts = [
        Expert("C", ["hungry", "sleepy"], temperatures[0], thresholds[0]),
        Expert("B", ["hug", "sleepy"], temperatures[1], thresholds[1]),
    ]
    return Verdict(experts, FusionSettings(method, 1.0, UncertainRule(threshold, 0.2, 1.0, 0.1, 100)))


def answers(temperatures=(2.0, 0.8)):
    return {"C": Answer(log_posterior(C, temperatures[0]), C), "B": Answer(log_posterior(B, temperatures[1]), B)}


@pytest.mark.parametrize("temperatures, cause", [((1.0, 1.0), "hungry"), ((2.0, 0.8), "hug")])
def test_the_calibrated_answer_is_fused(temperatures, cause):
    event = verdict(temperatures=temperatures).explained(EVENT, answers(temperatures))
    assert event.cause == cause
    assert event.cause_probability == pytest.approx(event.posterior[cause])
    assert sorted(event.posterior) == ["hug", "hungry", "sleepy"]
    assert sum(reading.gate_weight for reading in event.readings) == pytest.approx(1.0)
    assert [reading.temperature for reading in event.readings] == list(temperatures)
    assert event[:3] == EVENT[:3]


@pytest.mark.parametrize("threshold, cause", [(0.3, "hug"), (0.99, None), (None, None)])
def test_no_cause_below_the_threshold(threshold, cause):
    event = verdict(threshold=threshold).explained(EVENT, answers())
    assert event.cause == cause and (event.cause_probability is None) == (cause is None)
    assert event.posterior and event.readings


@pytest.mark.parametrize(
    "thresholds, unknown",
    [
        ((None, None), None),
        ((1.0, None), False),
        ((-1.0, None), True),
        ((None, -1.0), True),
        ((-1.0, 1.0), False),
        ((-1.0, -1.0), True),
    ],
)
def test_a_sound_is_unknown_when_every_expert_that_can_judge_says_so(thresholds, unknown):
    """The energies are -2 log(sqrt(.85) + sqrt(.15)) = -0.54 and -0.8 log(.8 ** 1.25 + .2 ** 1.25) = 0.091."""
    event = verdict(thresholds).explained(EVENT, answers())
    assert event.out_of_distribution is unknown
    assert (event.cause is None) == bool(unknown)
    assert event.posterior


def test_energy_is_that_of_the_mean_logits_at_the_experts_temperature():
    low = -2.0 * np.log(np.sqrt(0.85) + np.sqrt(0.15))
    assert verdict((low - 1e-6, None)).explained(EVENT, answers()).out_of_distribution is True
    assert verdict((low + 1e-6, None)).explained(EVENT, answers()).out_of_distribution is False


def test_a_tied_vote_goes_to_the_soft_average():
    """hug comes first in the alphabet, but C is surer of hungry."""
    event = verdict(temperatures=(1.0, 1.0), method="majority").explained(EVENT, answers((1.0, 1.0)))
    assert event.posterior == pytest.approx({"hug": 0.5, "hungry": 0.5, "sleepy": 0.0})
    assert (event.cause, event.cause_probability) == ("hungry", pytest.approx(0.5))


def test_where_one_has_no_answer_the_others_make_the_posterior_but_name_no_cause():
    """What the rule promises was measured with all of them."""
    event = verdict((None, 1.0)).explained(EVENT, dict(answers(), B=None))
    assert event.posterior == pytest.approx(dict(zip(["hungry", "sleepy"], np.exp(log_posterior(C, 2.0)))))
    assert event.cause is None and event.cause_probability is None
    assert [(reading.expert, reading.gate_weight) for reading in event.readings] == [("C", pytest.approx(1.0))]
    assert event.out_of_distribution is None  # who could judge has not answered


def test_an_expert_that_could_answer_judges_alone():
    event = verdict((-1.0, None)).explained(EVENT, dict(answers(), B=None))
    assert event.out_of_distribution is True and event.cause is None


def test_where_nobody_has_an_answer_there_is_none():
    assert verdict().explained(EVENT, {"C": None, "B": None}) == EVENT


def test_experts_that_only_the_missing_one_joins_are_not_fused():
    experts = [
        Expert("C", ["hungry", "sleepy"], 1.0, None),
        Expert("B", ["hug", "sleepy"], 1.0, None),
        Expert("D", ["hug", "pain"], 1.0, None),
    ]
    joined = Verdict(experts, FusionSettings("all", 1.0, UncertainRule(0.0, 0.2, 1.0, 0.1, 100)))
    said = dict(answers((1.0, 1.0)), D=Answer(log_posterior(B), B))
    assert joined.explained(EVENT, dict(said, B=None)) == EVENT
    assert sorted(joined.explained(EVENT, dict(said, D=None)).posterior) == ["hug", "hungry", "sleepy"]
