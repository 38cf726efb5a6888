"""A study adds its runs to those that are recorded under the same settings, and never runs one twice."""

from dataclasses import dataclass

import pytest

from benchmarks.lib.record import add_row, rows_under, without_seed

FOUND = {"settings": {"epochs": 20, "rate": 0.01}, "rows": [{"fold": "a", "seed": 0, "score": 0.5}]}


def test_rows_of_the_same_settings_stay_and_others_are_run():
    rows = rows_under({"rate": 0.01, "epochs": 20}, FOUND)
    add_row(rows, {"fold": "a", "seed": 0}, lambda: pytest.fail("it is recorded"))
    add_row(rows, {"fold": "a", "seed": 1}, lambda: {"score": 0.7})
    assert [(row["seed"], row["score"]) for row in rows] == [(0, 0.5), (1, 0.7)]
    assert len(FOUND["rows"]) == 1  # what was read is not changed


@pytest.mark.parametrize("settings", [{"epochs": 6, "rate": 0.01}, {"epochs": 20}, {}])
def test_rows_of_other_settings_are_never_mixed_in(settings):
    assert rows_under(settings, FOUND) == []


def test_a_record_that_tells_no_settings_adds_nothing():
    assert rows_under({"epochs": 20}, {"rows": [{"seed": 0}]}) == []
    assert rows_under({"epochs": 20}, {}) == []


def test_all_settings_but_the_seed_have_to_agree():
    @dataclass
    class Settings:
        epochs: int = 20
        seed: int = 0

    assert without_seed(Settings(seed=3)) == without_seed(Settings(seed=4)) == {"epochs": 20}
