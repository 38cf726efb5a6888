"""The comparison of converters: axes as a file takes them, outputs told by their sizes, what fails is said."""

import sys

import numpy as np
import pytest

pytest.importorskip("keras")
pytest.importorskip("onnx")

from benchmarks.export import converters  # noqa: E402


def test_an_input_comes_channels_first_or_last_as_the_file_takes_it():
    x = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    assert converters.as_taken(x, (1, 2, 3, 4)) is x or (converters.as_taken(x, (1, 2, 3, 4)) == x).all()
    np.testing.assert_array_equal(converters.as_taken(x, (1, 3, 4, 2)), x.transpose(0, 2, 3, 1))
    with pytest.raises(converters.Failed, match="takes"):
        converters.as_taken(x, (2, 12))


def test_outputs_are_told_by_their_sizes():
    given = {"PartitionedCall:0": np.ones((2, 128, 1)), "PartitionedCall:1": np.zeros((1, 1))}
    wanted = {"output": np.zeros((1, 1)), "stateN": np.zeros((2, 1, 128))}
    found = converters.as_expected(given, wanted)
    assert {name: x.shape for name, x in found.items()} == {"output": (1, 1), "stateN": (2, 1, 128)}


def test_a_converter_that_fails_says_what_it_said_last():
    def convert():
        converters.run([sys.executable, "-c", "import sys; print('first'); sys.exit('last of it')"])

    row = converters.converted(convert, lambda network: 0.0)
    assert row["refused"] == "last of it" and "error" not in row
    assert converters.last_words("a\nValueError: no such axis: [[0.]\n  [0.]]\n") == "ValueError: no such axis: [[0.]"
    assert "| m | ours | last of it |" in converters.table({"m": {"ours": row}}, {})
