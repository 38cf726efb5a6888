"""An error is told in one form, wherever standard error goes."""

import io
import sys

from edge.errors import how_to_install, print_error


def test_an_error_is_one_printable_line_with_the_program_s_name(capsys):
    print_error("two\nlines \x1b[2J", "edge-bench")
    print_error("the cot is empty")
    assert capsys.readouterr() == (
        "",
        "edge-bench: error: two\\nlines \\x1b[2J\ncry-monitor: error: the cot is empty\n",
    )


class Full(io.StringIO):
    """As a terminal that is gone, or a disk that is full."""

    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_standard_error_that_cannot_be_written_ends_nothing(monkeypatch):
    closed = io.StringIO()
    closed.close()
    for stream in (closed, Full()):
        monkeypatch.setattr(sys, "stderr", stream)
        print_error("nobody hears this")


def test_an_extra_is_installed_from_the_folder_and_from_no_index():
    assert how_to_install("onnx").endswith("run pip install . './host[onnx]'")
