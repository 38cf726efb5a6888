"""The table of nights promises thresholds of other folds and other sources, and what the sensitivities came to."""

import json

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("keras")

from benchmarks.detection.detection_nights import (  # noqa: E402
    ALONE,
    CASCADE,
    CONTEXT,
    FOLDS,
    SENSITIVITIES,
    Judged,
    judge,
    rows_of_cries,
    tables,
)
from benchmarks.lib.night_choices import CryNight, OthersNight  # noqa: E402
from training.data.nights import Cry  # noqa: E402

PAIRS = [(0.5, 0.48), (0.8, 0.48), (0.95, 0.48)]
HOUR = 18000  # frames


def burst(level, frames=HOUR):
    probability = np.zeros(frames)
    probability[1000:1020] = level
    return probability


@pytest.fixture(scope="module")
def judged():
    """In every fold two hours of cats that are nearly cries; cries are sure but at -5 dB."""
    others = [OthersNight("cats", fold, burst(0.7)) for fold in FOLDS]
    others += [OthersNight("speech", fold, burst(0.0)) for fold in FOLDS]
    nights = []
    for fold in FOLDS:
        for kind, snr_db in rows_of_cries():
            truth = [Cry(200.0, 206.0, f"baby{fold}")]
            level = 0.9 if snr_db is None or snr_db > 0 else 0.3
            nights.append(CryNight(fold, kind, snr_db, truth, burst(level, 2000)))
    apart = [OthersNight("cats", fold, burst(0.72)) for fold in FOLDS] + others[4:]
    return Judged(PAIRS, others, nights, apart)


@pytest.fixture(scope="module")
def result(judged):
    one = judge(judged, seed=1)
    return {"asked_share": 0.05, CASCADE: one, CONTEXT: one, ALONE: one}


def test_each_rate_has_its_thresholds(result):
    rates = result[CASCADE]["rates"]
    assert rates["low"]["shipped"] == (0.8, 0.48) and rates["high"]["shipped"] == (0.5, 0.48)
    assert rates["high"]["false_alarms"] == 4 and rates["high"]["hours"] == pytest.approx(8.0)
    assert rates["low"]["false_alarms"] == 0
    assert set(rates["low"]["chosen"]) == set(FOLDS)


def test_cries_are_counted_at_the_thresholds_of_normal(result):
    rows = result[CASCADE]["rows"]
    assert len(rows) == len(list(rows_of_cries()))
    found = {label: row["found"][0] for label, row in rows.items()}
    assert {label for label, share in found.items() if share == 0} == {label for label in found if label[0] in "0-"}


def test_a_source_is_judged_by_thresholds_chosen_without_it(result):
    sources = result[CASCADE]["sources"]
    assert sources["cats"]["low"]["false_alarms"] == 4  # speech alone allows the lowest threshold
    assert sources["speech"]["low"]["false_alarms"] == 0
    assert sources["cats"]["hours"] == pytest.approx(4.0)


def test_the_decision_is_what_a_bundle_reads(result):
    decided = result[CASCADE]["decision"]
    assert set(decided["sensitivities"]) == set(SENSITIVITIES)
    normal = decided["sensitivities"]["normal"]
    assert normal["open_threshold"] == decided["open_threshold"] and 0 <= normal["cries_found"] <= 1
    assert normal["false_alarms_per_hour"] >= 0


def test_it_can_be_recorded_and_shown(result):
    assert json.loads(json.dumps(result))
    shown = tables(result)
    assert "| cats | 4.0 |" in shown and "asked in 5.0%" in shown
