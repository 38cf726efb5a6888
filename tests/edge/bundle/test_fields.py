"""Every kind of value of a manifest, each bound on either side, and one line that names file, key and value."""

import math

import pytest

from edge.bundle.fields import Fields, is_number, span
from edge.errors import UserError

ABSENT = object()


def read(method, value, *arguments):
    content = {} if value is ABSENT else {"key": value}
    return getattr(Fields(content, "m.json", "models[0]", "do that"), method)("key", *arguments)


NUMBERS = [0.0, 1, -3, 2.5]
NO_NUMBERS = ["1", None, True, math.nan, math.inf, [1], {}]
CASES = [  # method, its arguments, what is taken, what is not, what is said of that
    ("text", (), ["x", " "], ["", None, 7, ["x"]], "expected text"),
    ("texts", (), [["x"], ["x", ""]], [[], ["x", 7], "x", None], "expected a list of texts"),
    ("choice", (("a", "b"),), ["a", "b"], ["c", "", None], "this version knows a, b"),
    ("truth", (), [True, False], [1, 0, None, "true"], "expected true or false"),
    ("integer", (3,), [3, 4], [2, 3.0, True, "3", None], "expected a whole number of at least 3"),
    ("positive", (), [1, 1e-9], [0, 0.0, -1] + NO_NUMBERS, "expected a number above 0"),
    ("number", (-1.0, 2.0), [-1, 2.0, 0], [-1.01, 2.01] + NO_NUMBERS, "expected a number from -1 to 2"),
    ("number", (0.5,), [0.5, 1e300], [0.49] + NO_NUMBERS, "expected a number of at least 0.5"),
    ("numbers", (2,), [[1, 2.5]], [[1], [1, 2, 3], [1, "2"], [1, math.nan], 7], "expected a list of 2 numbers"),
    (
        "integers",
        (0, 5),
        [[0], [5, 0]],
        [[], [6], [-1], [1.0], [True], 3],
        "expected a list of whole numbers from 0 to 5",
    ),
    ("optional_share", (), [None, 0, 1, 0.5], [-0.1, 1.1, "x", True], "expected null or a number from 0 to 1"),
    ("probability", (), [0.001, 0.999], [0, 1, 0.0, 1.0, None, "x", True], "expected a number between 0 and 1"),
    ("optional_number", (), [None, -7, 2.5], ["x", True, math.inf], "expected a number or null"),
    ("mapping", (), [{}, {"a": 1}], [None, [], "x"], "expected an object"),
    ("optional_mapping", (), [None, {}, {"a": 1}], [[], "x", 0], "expected an object or null"),
]


@pytest.mark.parametrize("method, arguments, taken, refused, said", CASES)
def test_a_value_is_taken_or_named(method, arguments, taken, refused, said):
    for value in taken:
        assert read(method, value, *arguments) == value
    for value in refused + [ABSENT]:
        with pytest.raises(UserError) as error:
            read(method, value, *arguments)
        start, end = "m.json: models[0].key is ", ", {}: do that".format(said)
        assert str(error.value).startswith(start) and str(error.value).endswith(end)
        assert ("missing" in str(error.value)) == (value is ABSENT)


def test_numbers_are_floats_whatever_was_written():
    for method, value in (("positive", 1), ("optional_number", 1), ("optional_share", 1)):
        assert isinstance(read(method, value), float)
    assert isinstance(read("number", 1, 0), float)
    assert [type(value) for value in read("numbers", [1, 2], 2)] == [float, float]


def test_objects_know_where_they_stand():
    top = Fields({"models": [{"feature": {"name": 7}}, 3]}, "m.json")
    with pytest.raises(UserError, match=r"^m.json: models\[1\] is 3, expected an object: repair the file or export"):
        top.objects("models")
    inner = Fields({"models": [{"feature": {"name": 7}}]}, "m.json").objects("models")[0].object("feature")
    with pytest.raises(UserError, match=r"^m.json: models\[0\].feature.name is 7, expected text: repair"):
        inner.text("name")
    with pytest.raises(UserError, match="models is {}, expected a list"):
        Fields({"models": {}}, "m.json").objects("models")
    with pytest.raises(UserError, match=r"^m.json: the document is \[\], expected an object"):
        Fields([], "m.json")


def test_what_a_number_is_and_how_a_range_is_said():
    assert all(is_number(value) for value in NUMBERS) and not any(is_number(value) for value in NO_NUMBERS)
    assert (span(1, 2.5), span(-3, math.inf)) == (" from 1 to 2.5", " of at least -3")
