"""Text of other people's files, devices and models on its way to a terminal, the log or a table."""

import io
import os
import re
import sys

LONGEST_SHOWN = 60
LOGIN = re.compile(r"(\w[\w+.-]*://)\S*@")  # of an address: user and password


def printable(text: str) -> str:
    r"""The text with whatever is no plain character written out: \x1b, \u202e, \n; an invalid byte as \xe9.

    Control characters, terminal escapes, marks that turn the direction of writing and line breaks among them. User and
    password of an address are left out: whatever is shown to anybody comes through here.
    """
    if "://" in text:
        text = LOGIN.sub(r"\1", text)
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _written_out(character) for character in text)


def text_of(path: str) -> str:
    r"""A path as text that any program can take; a byte that is no text is written out as \xe9."""
    return "".join(_written_out(c) if "\ud800" <= c <= "\udfff" else c for c in path)


def cut(text: str, longest: int = LONGEST_SHOWN) -> str:
    """A text, its end left out when it is long."""
    return text if len(text) <= longest else text[: longest - 3] + "..."


def shown(value, longest: int = LONGEST_SHOWN) -> str:
    """A value as one short printable line, whatever it is."""
    try:
        return cut(printable(repr(value)), longest)
    except (RecursionError, ValueError):  # nested without end; an integer too long to be written
        return "a {} too large to be shown".format(type(value).__name__)


def say_all_characters() -> None:
    """Let stdout and stderr take every character: what their encoding has no letter for is written out."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
        elif type(stream) is io.TextIOWrapper and stream.errors != "backslashreplace":  # Python 3.6
            stream.flush()
            line_buffering, encoding = stream.line_buffering, stream.encoding
            anew = io.TextIOWrapper(stream.detach(), encoding, "backslashreplace", None, line_buffering)
            setattr(sys, name, anew)
            setattr(sys, "__{}__".format(name), anew)  # which curses asks; the old one has nothing below it any more


def user_name() -> str:
    """Who runs this: the name, or "user 12345" where the system has none."""
    import pwd  # here, as few ask

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "user {}".format(os.geteuid())


def _written_out(character):
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no text
        return "\\x{:02x}".format(code - 0xDC00)
    return character.encode("unicode_escape").decode("ascii")
