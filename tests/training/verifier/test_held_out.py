"""Held-out contexts promise to learn from nothing that is held out, and to be fitted once."""

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("sklearn")

from training.data.nights import AS_RECORDED, SINGLE, Cry  # noqa: E402
from training.verifier import held_out  # noqa: E402
from training.verifier.config import cascade  # noqa: E402
from training.verifier.context import ContextWeights  # noqa: E402
from training.verifier.hearing import Heard  # noqa: E402
from training.verifier.nights import HeardNight  # noqa: E402

NOTHING = ContextWeights(1, [0.0] * 15, [0.0] * 3, [0.0] * 3, [0.0] * 3, [0.0], [0.0] * 5, 0.0)


def night(level, fold, source=None, kind=None, snr_db=None):
    """Half a minute in which the detector says `level` throughout."""
    heard = Heard(np.full(150, level), np.zeros((150, 3), np.float32), np.full(154, -20.0))
    cries = [Cry(9.0, 15.0, "baby")] if kind else []
    return HeardNight(fold, source, kind, snr_db, cries, heard)


@pytest.fixture
def learned_from(monkeypatch):
    """What the detector said in all that each fit was given, one set a fit."""
    fits = []

    def fit(cries, others):
        said = np.concatenate([cries.inputs[..., 0].ravel(), others.inputs[..., 0].ravel()])
        fits.append(set(np.round(4 * said[said > -3], 1).tolist()))
        return NOTHING

    monkeypatch.setattr(held_out, "fit_context", fit)
    return fits


def test_nothing_is_learned_from_what_is_held_out_or_hardly_heard_and_once_is_enough(learned_from, tmp_path):
    nights = [night(1.0, 1, "cats"), night(2.0, 2, "cats"), night(3.0, 1, "doors"), night(4.0, 2, "doors")]
    nights += [night(5.0, 1, kind=AS_RECORDED), night(6.0, 2, kind=SINGLE, snr_db=10)]
    nights += [night(7.0, 1, kind=SINGLE, snr_db=0)]
    contexts = held_out.HeldOut(nights, cascade(0.0, 1.0), tmp_path)
    assert contexts.without() == NOTHING
    assert contexts.without(fold=2) == contexts.without(fold=2) == NOTHING
    contexts.without(source="cats")
    assert learned_from == [{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, {1.0, 3.0, 5.0}, {3.0, 4.0, 5.0, 6.0}]
