"""The faults that are done to a running monitor are noticed, and their table tells what came of them."""

import pytest

from benchmarks.device.faults import models, passing
from benchmarks.device.faults.__main__ import missed, table
from benchmarks.device.faults.nursery import Nursery, Row
from tests.edge.virtual_microphone import what_is_not_installed


@pytest.fixture
def nursery():
    missing = what_is_not_installed()
    if missing:
        pytest.skip(f"no virtual microphone: {missing}")
    with Nursery() as nursery:
        yield nursery


def test_some_of_them(nursery):
    rows = [models.refused(nursery), passing.short_cry(nursery)]
    assert missed(rows) == 0, table(rows)
    assert "detector.int8.tflite" in rows[0].said
    assert rows[1].done.endswith("rows brief")


def test_a_cry_that_was_missed_is_counted():
    rows = [
        Row("kind", "a", 1, 0.2, 1.5, "x"),
        Row("kind", "b", 1, 0.2, None, ""),
        Row("kind", "c", 1, None, None, "y"),
    ]
    assert missed(rows) == 1
    assert "1 of 2 cries raised theirs, the slowest after 1.5 s" in table(rows)
