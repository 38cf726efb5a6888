"""The table of how often the verifier is asked promises the device's own rule where it is the one that ships."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("keras")

from benchmarks.detection.second_opinion_rate import SHIPPED, Rule, followed  # noqa: E402
from training.verifier.config import cascade  # noqa: E402
from training.verifier.hearing import Heard, follow  # noqa: E402

FRAMES = 400
ASKED = cascade(0.5, 0.4)


@pytest.fixture(scope="module")
def heard():
    """Suspicion that comes and goes, and a room that is too quiet to be heard half of the time."""
    rng = np.random.default_rng(5)
    detector = np.repeat(rng.normal(-2.0, 3.0, FRAMES // 4), 4).astype(np.float32)
    levels = np.repeat(rng.choice([-70.0, -20.0], FRAMES // 20 + 1), 20)[: FRAMES + 4]
    return Heard(detector, rng.normal(size=(FRAMES, 3)).astype(np.float32), levels)


def test_the_rule_that_ships_is_the_device_s(heard):
    expected, asked = follow(heard, ASKED)
    found, times = followed(heard, ASKED, SHIPPED)
    assert found == pytest.approx(expected, abs=1e-6) and times == len(asked) > 20
    assert 0 < (found == 0.0).sum() < FRAMES


def test_more_often_is_at_every_frame_of_suspicion_and_pools_what_was_said_there(heard):
    asked = [followed(heard, ASKED, Rule(hops, hops))[1] for hops in (3, 2, 1)]
    assert asked == sorted(asked) and asked[2] > 2 * asked[0]
    newest, mean, largest = (
        followed(heard, ASKED, rule)[0] for rule in (Rule(1, 1), Rule(1, 1, 2), Rule(1, 1, 2, "largest"))
    )
    assert np.all(largest >= newest - 1e-9) and np.all(largest >= mean - 1e-9) and np.any(mean < newest)
