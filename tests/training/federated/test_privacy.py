"""What one home can change of a sum is bounded, and noise lies over it: as much as epsilon is reckoned with."""

import numpy as np
import pytest

from training.federated.layout import Layout
from training.federated.masking import threshold
from training.federated.optimisation import LocalSteps
from training.federated.plan import Plan, Privacy
from training.federated.privacy import ROUNDING, bounded, epsilon, noised
from training.federated.quantisation import quantised, scales

LAYOUT = Layout(("a",), ((4000,),))
HOMES, NORM = 10, 0.5


def plan(noise, rounds=1):
    return Plan(LocalSteps(5, 0.1), rounds=rounds, homes_per_round=HOMES, privacy=Privacy(noise, NORM))


@pytest.mark.parametrize("length", [1e-3, 0.5, 50.0])
def test_an_update_is_no_longer_than_the_bound(length):
    made = plan(1.0)
    rng = np.random.default_rng(0)
    update = rng.normal(size=LAYOUT.size)
    update *= length / np.linalg.norm(update)
    scale = scales(LAYOUT, made.ranges(LAYOUT), made.bits)
    for _ in range(5):
        assert np.linalg.norm(bounded(update, scale, made, rng) * scale) <= ROUNDING * NORM * (1 + 1e-9)


def test_the_noise_of_the_fewest_survivors_is_what_epsilon_is_reckoned_with():
    made = plan(1.0)
    scale = scales(LAYOUT, made.ranges(LAYOUT), made.bits)
    nothing = np.zeros(LAYOUT.size, np.int32)
    total = [sum(noised(nothing, scale, made, HOMES) for _ in range(threshold(HOMES))) * scale for _ in range(10)]
    assert np.std(total) == pytest.approx(ROUNDING * NORM, rel=0.05)
    assert abs(np.mean(total)) < 0.03


def test_epsilon_is_that_of_the_gaussian_mechanism():
    """Noise of twice the bound, in one round of all: sigma 1 for a change of 1, 4.38 at 1e-5 (Balle, Wang 2018)."""
    assert 4.38 < epsilon(plan(2.0), 1, HOMES) < 5.6
    assert epsilon(plan(0.0), 1, HOMES) == float("inf")
    assert epsilon(plan(2.0), 0, HOMES) == 0.0


def test_epsilon_grows_with_rounds_and_falls_with_noise_and_with_homes():
    assert epsilon(plan(2.0), 1, HOMES) < epsilon(plan(2.0), 10, HOMES)
    assert epsilon(plan(4.0), 10, HOMES) < epsilon(plan(2.0), 10, HOMES)
    assert epsilon(plan(2.0), 10, 100) < 0.5 * epsilon(plan(2.0), 10, HOMES)


@pytest.mark.parametrize("bits", [8, 6, 4])
def test_rounding_is_right_on_average_and_within_one(bits):
    rng = np.random.default_rng(1)
    update = np.linspace(-0.9, 0.9, LAYOUT.size)
    scale = scales(LAYOUT, np.array([1.0]), bits)
    drawn = np.stack([quantised(update, scale, bits, rng) for _ in range(200)])
    assert np.abs(drawn * scale - update).max() < scale[0] * (1 + 1e-9)
    assert np.abs(drawn.mean(axis=0) * scale - update).max() < 5 * scale[0] * 0.5 / np.sqrt(200)
    assert np.array_equal(quantised(np.full(3, 9.0), np.ones(3), 4, rng), [7, 7, 7])


def test_ten_homes_rounded_to_8_bits_are_off_by_a_few_percent_of_the_mean():
    rng = np.random.default_rng(2)
    updates = rng.normal(size=(HOMES, LAYOUT.size)) + rng.normal(size=LAYOUT.size)
    scale = scales(LAYOUT, np.array([np.abs(updates).max()]), 8)
    mean = sum(quantised(update, scale, 8, rng) for update in updates) * scale / HOMES
    error = mean - updates.mean(axis=0)
    assert np.sqrt(np.mean(error**2)) < 0.016 * np.sqrt(np.mean(updates.mean(axis=0) ** 2))
