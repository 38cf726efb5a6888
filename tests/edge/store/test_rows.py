"""What may stand in a column: each bound on either side, for a row that cannot be is left out, and no other."""

import math

import pytest

from edge.store.rows import IS_VALID, Cry, Purged, RowDamaged, StoredEvent, checked, read_posterior

TIMES = ("start_utc", "end_utc", "at_utc")
NUMBERS = ("cry_probability", "duration_s", "cry_s", "temperature", "entropy_nats", "gate_weight")
OR_NULL = ("cause_probability", "mean_dbfs", "max_dbfs")
TEXTS = ("source", "posterior", "state", "detail", "expert")
COUNTS = ("id", "was_asked", "frames", "missed_deadlines", "dropped_samples", "event_id")


def accepts(columns, value):
    """Whether all of these columns take it; they must agree."""
    (answer,) = {bool(IS_VALID[column](value)) for column in columns}
    return answer


@pytest.mark.parametrize(
    "value, is_valid",
    [(0, True), (1.8e9, True), (2.5e11, True), (2.6e11, False), (-1, False), ("1", False), (None, False)],
)
def test_a_time_lies_between_1970_and_what_can_be_written_as_a_date(value, is_valid):
    assert accepts(TIMES, value) is is_valid


@pytest.mark.parametrize(
    "value, is_valid", [(0.5, True), (-3, True), (math.nan, False), (math.inf, False), ("x", False), (b"1", False)]
)
def test_a_number_is_one(value, is_valid):
    assert accepts(NUMBERS + OR_NULL, value) is is_valid


def test_what_may_be_unknown_may_be_null_and_nothing_else_may():
    nullable = {column for column, is_valid in IS_VALID.items() if is_valid(None)}
    assert nullable == set(OR_NULL) | {"cause", "out_of_distribution"}


@pytest.mark.parametrize(
    "value, is_valid", [("", True), ("x" * 65536, True), ("x" * 65537, False), (b"x", False), (7, False)]
)
def test_a_text_has_65536_letters_at_most(value, is_valid):
    assert accepts(TEXTS + ("cause",), value) is is_valid


@pytest.mark.parametrize("value, is_valid", [(0, True), (7, True), (1.0, False), ("7", False)])
def test_a_count_is_a_whole_number(value, is_valid):
    assert accepts(COUNTS + ("out_of_distribution",), value) is is_valid


@pytest.mark.parametrize(
    "value, is_valid", [(b"", False), (b"x", True), (b"x" * 300, True), (b"x" * 301, False), ("x", False)]
)
def test_a_trace_has_a_frame_at_least_and_a_minute_at_most(value, is_valid):
    assert accepts(("probabilities",), value) is is_valid


@pytest.mark.parametrize(
    "value, is_valid", [("cry", True), ("other", True), ("none", False), (None, False), ("", False)]
)
def test_a_mark_is_one_of_two(value, is_valid):
    assert accepts(("mark",), value) is is_valid


def test_a_row_comes_back_or_its_first_wrong_column_is_named():
    assert checked(("at_utc", "state"), (1.0, "lost")) == (1.0, "lost")
    with pytest.raises(RowDamaged, match="^state is None$"):
        checked(("at_utc", "state", "detail"), (1.0, None, 7))


@pytest.mark.parametrize(
    "text, posterior", [("{}", {}), ('{"hungry": 1}', {"hungry": 1}), ('{"a": 0.25, "b": 0}', {"a": 0.25, "b": 0})]
)
def test_a_posterior_is_read(text, posterior):
    assert read_posterior(text) == posterior


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1", '{"a": "1"}', '{"a": true}', '{"a": {}}', '{"a": null}', '{"a": [1]}']
)
def test_what_is_no_posterior_is_named(text):
    with pytest.raises(RowDamaged, match="posterior"):
        read_posterior(text)


def test_what_is_not_said_of_a_row():
    event = StoredEvent(1, "mic", 1.0, 2.0, 0.9, None, None, {}, None)
    assert (event.state, event.readings, event.mark) == ("ended", (), None)
    cry = Cry(1.0, 2.0, 0.9, None)
    assert (cry.state, cry.was_asked, cry.mark) == ("ended", 0, None)
    assert not Purged(0, 0, 0, 0, 0).still_too_large
