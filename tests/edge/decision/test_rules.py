"""Which thresholds hold, and that it is said where they are not the bundle's own."""

import pytest

from edge.bundle.model import Decision, Sensitivity, Thresholds
from edge.config import default_settings
from edge.decision.rules import differences, episode_rules

NORMAL, HIGH = Thresholds(0.9, 0.4, 0.5), Thresholds(0.7, 0.3, None)
ONE = Decision(NORMAL, {})
SEVERAL = Decision(NORMAL, {"high": Sensitivity(HIGH, 2.0, 0.97), "normal": Sensitivity(NORMAL, 0.4, 0.9)})


def decision(**keys):
    return default_settings().decision._replace(**keys)


def thresholds(bundle, **keys):
    rules = episode_rules(bundle, decision(**keys))
    return rules.open_threshold, rules.close_threshold, rules.lasting_threshold


def test_the_bundles_thresholds_hold_by_default():
    assert thresholds(ONE) == thresholds(SEVERAL) == (0.9, 0.4, 0.5)
    assert differences(SEVERAL, decision()) == []


def test_a_sensitivity_is_thresholds_by_name():
    assert thresholds(SEVERAL, sensitivity="high") == (0.7, 0.3, 1.0)  # without a lasting one: never by lasting
    assert differences(SEVERAL, decision(sensitivity="high")) == []


def test_a_named_threshold_wins_over_the_sensitivity_and_is_said():
    assert thresholds(SEVERAL, sensitivity="high", open_threshold=0.8) == (0.8, 0.3, 1.0)
    (line,) = differences(SEVERAL, decision(sensitivity="high", open_threshold=0.8))
    assert line == "decision.open_threshold = 0.8, where the bundle's own is 0.7"


def test_a_sensitivity_that_the_bundle_does_not_know_is_said_and_normal_holds():
    assert thresholds(ONE, sensitivity="low") == (0.9, 0.4, 0.5)
    (line,) = differences(ONE, decision(sensitivity="low"))
    assert line.startswith("decision.sensitivity = low")


@pytest.mark.parametrize("opens", [0.05, 0.3])
def test_an_open_threshold_below_the_close_threshold_lowers_both(opens):
    assert thresholds(ONE, open_threshold=opens)[:2] == (opens, opens)
