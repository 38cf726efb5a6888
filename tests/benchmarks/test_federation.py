"""The study of homes that learn together: what its tables are made of, and homes that do harm."""

import numpy as np
import pytest

from benchmarks.lib.line_plot import Axis, line_plot
from benchmarks.studies.federation_arms import (
    BACKBONES,
    BASE,
    CENTRAL,
    CHANGED,
    HARMED,
    LOCAL_ONLY,
    PRIVATE,
    ROUNDS,
    TRADED,
    WAYS,
)
from benchmarks.studies.federation_picture import pictures
from benchmarks.studies.federation_table import IN_THE_CLEAR, asked_share, rounds_to_targets, table
from benchmarks.studies.federation_ways import by_seed, together
from training.federated.layout import Layout
from training.federated.optimisation import LocalSteps
from training.federated.plan import Plan

SEEDS = 5


def rising(to):
    """A run that climbs to a score in as many evaluations as there are."""
    rounds = range(2, ROUNDS + 1, 2)
    curve = [{"round": number, "macro_f1": to * number / ROUNDS} for number in rounds]
    return {"curve": curve, "spoilt": 2, "epsilon": 7.0}


@pytest.fixture
def curves():
    arms = (*WAYS, CENTRAL, LOCAL_ONLY, *CHANGED)
    return {arm: [rising(0.5 + 0.01 * seed) for seed in range(SEEDS)] for arm in arms}


@pytest.fixture
def sizes():
    size = {"bits": 8, "masking": True, "homes": 8, "ring_bits": 11, "up": 3e6, "down": 3e6, "down_whole": 9e6}
    return {"arms": dict.fromkeys((BASE, IN_THE_CLEAR, *TRADED), size), "wire": [size]}


def test_a_target_is_nine_tenths_of_what_is_reached_in_one_place(curves):
    assert rounds_to_targets(curves, BASE) == [ROUNDS - 2] * SEEDS  # the mean of three evaluations lags behind
    curves[CENTRAL] = [rising(0.9)] * SEEDS
    assert rounds_to_targets(curves, BASE) == [ROUNDS + 1] * SEEDS


def test_every_arm_is_in_a_table(curves, sizes):
    found = table(curves, sizes)
    for arm in (*WAYS, CENTRAL, LOCAL_ONLY, *TRADED, *BACKBONES, *HARMED, *PRIVATE):
        assert f"| {arm} | " in found


def test_a_home_sends_in_the_rounds_that_it_is_asked_in(curves, sizes):
    row = next(line for line in table(curves, sizes).splitlines() if line.startswith("| 4 homes a round"))
    assert asked_share("4 homes a round") == 4 / 12
    assert row.split(" | ")[4] == f"{3.0 * ROUNDS * 4 / 12:.0f}"


def test_pictures_hold_every_curve(curves, sizes):
    drawn = pictures(curves, sizes)
    assert drawn["federation_rounds"].count("<polyline") == 1 + len(WAYS)
    assert drawn["federation_bytes"].count("<polyline") == 1 + len(TRADED)


def test_what_lies_beyond_an_axis_is_left_out():
    axis = Axis("x", 0.0, 1.0, (0.0, 1.0))
    drawn = line_plot({"a": (np.array([0.0, 0.5, 2.0]), np.array([0.0, 0.5, 0.5]))}, axis, axis, "a < b")
    points = drawn.split('<polyline points="')[1].split('"')[0].split()
    assert len(points) == 2 and "a &lt; b" in drawn


class Bowl:
    """Homes whose loss is a bowl, each with a minimum of its own, in so many numbers."""

    layout, identity, start = Layout(("a",), ((3000,),)), "bowl", np.zeros(3000, np.float32)

    def __init__(self, seed):
        self.fingerprint, self.minimum = self.identity, np.random.default_rng(seed).normal(size=3000)

    def gradient(self, parameters, rng):
        return (parameters - self.minimum).astype(np.float32)

    def evaluate(self, parameters):
        return {"macro_f1": 1 / (1 + float(np.linalg.norm(parameters)))}


@pytest.mark.parametrize(("harm", "spoilt"), [({}, 0), ({"factor": 100.0}, 0), ({"factor": 1e4, "reach": 99}, 4)])
def test_a_home_beyond_every_bound_spoils_rounds_and_one_within_them_does_not(harm, spoilt):
    plan = Plan(LocalSteps(5, 0.2), rounds=4, homes_per_round=4)
    assert together(Bowl(9), {f"home-{seed}": Bowl(seed) for seed in range(4)}, plan, 2, harm)["spoilt"] == spoilt


def test_a_seed_that_is_done_is_not_run_again(tmp_path):
    assert by_seed(tmp_path / "runs", 2, lambda seed: {"seed": seed}) == [{"seed": 0}, {"seed": 1}]
    ran = []
    found = by_seed(tmp_path / "runs", 3, lambda seed: ran.append(seed) or {"seed": seed})
    assert ran == [2] and found == [{"seed": seed} for seed in range(3)]
