"""Eight quadratics that disagree, as the methods' own papers study them: who reaches the common minimum, and when."""

import numpy as np
import pytest
from quadratics import Quadratic, optimum

from training.federated.optimisation import LocalSteps, clipped, control_change, server_step, train_locally

HOMES, DIMENSIONS, STEPS, RATE = 8, 20, 20, 0.05


def learners():
    rng = np.random.default_rng(3)
    return [Quadratic(DIMENSIONS, rng) for _ in range(HOMES)]


def errors(local, rounds, share=1.0, upload=False):
    """Distance to the minimum after each round. upload: control variates are sent, and the server takes their mean."""
    homes, rng = learners(), np.random.default_rng(0)
    x, c = np.zeros(DIMENSIONS), np.zeros(DIMENSIONS)
    own = np.zeros((HOMES, DIMENSIONS))
    best, found = optimum(homes), []
    for _ in range(rounds):
        drawn = rng.permutation(HOMES)[: int(share * HOMES)]
        after = {i: train_locally(x, lambda y, _, i=i: homes[i].gradient(y), local, c, own[i]) for i in drawn}
        changes = {i: control_change(after[i] - x, c, local) for i in drawn}
        start = x
        x, controlled = server_step(x, c, np.mean([after[i] - start for i in drawn], axis=0), share, local)
        if upload:
            controlled = c + share * np.mean(list(changes.values()), axis=0)
        if local.control_variates:
            own[drawn] += np.stack([changes[i] for i in drawn])
        c = controlled
        found.append(float(np.linalg.norm(x - best)))
    return np.array(found), x, c


def local(**changes):
    return LocalSteps(**{"steps": STEPS, "rate": RATE, "clip_norm": 0.0, "proximal": 0.0, **changes})


def test_fedavg_stalls_where_homes_disagree():
    found, _, _ = errors(local(control_variates=False), 200)
    assert found[-1] > 0.3
    assert found[-1] == pytest.approx(found[50], rel=0.01)


@pytest.mark.parametrize("proximal", [0.0, 0.01])
def test_control_variates_reach_the_common_minimum_by_round_14(proximal):
    found, _, _ = errors(local(proximal=proximal), 14)
    assert found[-1] < 1e-3


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("proximal", [0.0, 0.01])
def test_control_variates_need_not_be_sent(share, proximal):
    sent = errors(local(proximal=proximal), 30, share, upload=True)
    derived = errors(local(proximal=proximal), 30, share)
    assert np.abs(sent[1] - derived[1]).max() < 1e-12
    assert np.abs(sent[2] - derived[2]).max() < 1e-12


def test_the_proximal_term_alone_moves_where_it_stalls():
    plain, near = (errors(local(control_variates=False, proximal=mu), 200)[0][-1] for mu in (0.0, 1.0))
    assert 0.1 < near < plain


def test_gradients_are_clipped_to_a_norm_and_no_shorter():
    assert np.linalg.norm(clipped(np.array([3.0, 4.0]), 1.0)) == pytest.approx(1.0)
    assert np.array_equal(clipped(np.array([0.3, 0.4]), 1.0), [0.3, 0.4])
    assert np.array_equal(clipped(np.array([3.0, 4.0]), 0.0), [3.0, 4.0])
