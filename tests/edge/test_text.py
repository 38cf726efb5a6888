"""Text of others: nothing of it reaches a terminal as a command, and every letter can be printed somewhere."""

import os
import subprocess
import sys

import pytest

from edge.errors import UserError
from edge.files import expand_home
from edge.text import cut, printable, shown, text_of, user_name


@pytest.mark.parametrize(
    "text, written_out",
    [
        ("café 名前 ☂.wav", "café 名前 ☂.wav"),
        ("evil\x1b[2J\x1b]0;PWNED\x07", "evil\\x1b[2J\\x1b]0;PWNED\\x07"),
        ("two\nlines\r\ttab", "two\\nlines\\r\\ttab"),
        ("a\u202egnp.exe\u2066", "a\\u202egnp.exe\\u2066"),
        ("\u2028\x85\x9b31m", "\\u2028\\x85\\x9b31m"),
        ("\ufeff\u200b\u00ad", "\\ufeff\\u200b\\xad"),
        ("\ud800", "\\ud800"),
        (os.fsdecode(b"caf\xe9.wav"), "caf\\xe9.wav"),
        ("\U000e0041", "\\U000e0041"),
        ("\udc80\udcff", "\\x80\\xff"),  # the first and the last byte of a name that is no text
        ("\udc7f\udd00", "\\udc7f\\udd00"),  # and what stands for no byte
        ("rtsp://nurse:pass@word@10.0.0.2/cot", "rtsp://10.0.0.2/cot"),
        ("from rtsps://nurse@cam\n to mqtt://a:b@c", "from rtsps://cam\\n to mqtt://c"),
    ],
)
def test_what_is_no_plain_character_is_written_out(text, written_out):
    assert printable(text) == written_out
    assert printable(written_out) == written_out


def test_any_value_is_one_short_line():
    nested = []
    for _ in range(100000):
        nested = [nested]
    assert shown(nested) == "a list too large to be shown"
    assert shown("\x1b\ud800") == "'\\x1b\\ud800'"
    assert len(shown("x" * 1000)) == 60
    assert shown(10**5000).startswith(("1000", "a int too large"))
    while nested:  # taken apart by hand: the interpreter would do it by recursion
        nested = nested[0]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_every_letter_can_be_printed(encoding):
    code = "from edge.text import say_all_characters; say_all_characters(); print('N\\xe4ch \\u540d', flush=True)"
    environment = dict(os.environ, PYTHONIOENCODING=encoding)
    out = subprocess.check_output([sys.executable, "-c", code], env=environment)
    assert out.decode(encoding).rstrip() in ("Näch 名", "Näch \\u540d", "N\\xe4ch \\u540d")


def test_without_a_home_one_line_says_so(monkeypatch):
    monkeypatch.setenv("HOME", "/home/parent")
    assert expand_home("~/a", "--db") == "/home/parent/a"
    with pytest.raises(UserError, match="--db ~nobody-of-this-name/a: no home directory is known"):
        expand_home("~nobody-of-this-name/a", "--db")


@pytest.mark.parametrize("length, kept", [(59, 59), (60, 60), (61, 57), (1000, 57)])
def test_a_long_text_ends_in_dots_and_one_that_fits_does_not(length, kept):
    assert cut("x" * length) == "x" * kept + ("..." if kept < length else "")
    assert cut("x" * 12, 10) == "xxxxxxx..."


def test_a_path_is_text_for_any_program():
    assert text_of("caf\u00e9/\u540d\u202e") == "caf\u00e9/\u540d\u202e"
    assert text_of("caf\udce9\ud800\udfff") == "caf\\xe9\\ud800\\udfff"


def test_who_has_no_name_is_a_number(monkeypatch):
    import pwd

    assert user_name() == pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr("os.geteuid", lambda: 2**31 - 7)
    assert user_name() == "user 2147483641"
