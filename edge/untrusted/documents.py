"""JSON, TOML and CSV of others: depth, numbers, text and keys are checked before anything is made of them."""

import csv
import io
import json
import math
import re

from edge.errors import UserError
from edge.files import read_regular
from edge.text import cut, printable, shown
from edge.untrusted.texts import MAX_DOCUMENT_BYTES, Malformed, decoded, read_text

MAX_TABLE_BYTES = 64 << 20
MAX_DEPTH = 64
NOT_JSON, NOT_TOML = "is not valid JSON", "is not a TOML file"
MOST_DIGITS = 1000  # of a number in TOML; the largest float has 309
MAX_DIGITS = 19  # of a whole number of 64 bits
BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
# Strings, which may hold anything, are passed over whole; one without an end reaches to the end of the text.
JSON_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
TOML_NESTING = re.compile(
    r'"""(?:[^\\]|\\.)*?(?:"""|\Z)|' + r"'''.*?(?:'''|\Z)|" + r'"(?:[^"\\\n]|\\.)*"?|' + r"'[^'\n]*'?|#[^\n]*|[\[\]{}]",
    re.DOTALL,
)
# The parser takes time by the square of a dotted key's parts, and of a number's digits.
TOML_LONG_NUMBER = re.compile(r"[0-9_]{%d}" % (MOST_DIGITS + 1))


class _Bad(ValueError):
    """A value that cannot be worked with, and the place in the document where it stands."""

    def __init__(self, reason, place=""):
        super().__init__(reason)
        self.reason = reason
        self.place = place

    def within(self, step):
        """The same, one level further out."""
        return _Bad(self.reason, step + self.place)

    def __str__(self):
        return "{}: {}".format(self.place.lstrip("."), self.reason) if self.place else self.reason


def read_json(path, max_bytes=MAX_DOCUMENT_BYTES, max_depth=MAX_DEPTH, advice="", finite=True):
    """What a JSON file says. Raises UserError; Malformed when it is none.

    finite: numbers must be; in what our own training writes, a measure of nothing is NaN.
    """
    return parse_json(read_regular(path, max_bytes), path, max_depth, advice, finite)


def parse_json(content, path, max_depth=MAX_DEPTH, advice="", finite=True):
    """What JSON in bytes says; `path` names it in errors. Raises Malformed."""
    text = decoded(content, path, NOT_JSON, advice)
    try:
        check_nesting(text, JSON_NESTING, max_depth)
        document = json.loads(text, object_pairs_hook=_object, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise Malformed(path, NOT_JSON, printable(str(error)), advice) from error
    return _of_values(document, path, advice, finite)


def read_toml(path, max_bytes=MAX_DOCUMENT_BYTES, max_depth=MAX_DEPTH, advice=""):
    """What a TOML file says, as a dict. Raises UserError; Malformed when it is none."""
    try:
        import tomllib  # novermin
    except ImportError:
        try:
            import tomli as tomllib
        except ImportError:
            raise UserError("{}: no TOML reader for this Python; pip install tomli".format(printable(path))) from None
    text = read_text(path, NOT_TOML, max_bytes, advice)
    try:
        check_nesting(text, TOML_NESTING, max_depth)
        _check_lengths(TOML_NESTING.sub(_without_text, text))
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(path, NOT_TOML, printable(str(error)), advice) from error
    return _of_values(document, path, advice)


def read_csv(path, columns, max_bytes=MAX_TABLE_BYTES, advice=""):
    """The rows of a CSV file with a header that has at least `columns`: a list of dicts of text.

    Raises UserError; Malformed when it is none, which names the line.
    """
    text = read_text(path, "is not a CSV table", max_bytes, advice)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        header = next(rows, [])
        missing = [column for column in columns if column not in header]
        if missing:
            raise ValueError("has no column {}".format(", ".join(missing)))
        if len(set(header)) != len(header):
            raise ValueError("has two columns of one name")
        for cells in rows:
            if len(cells) != len(header) and cells:
                raise ValueError("has {} cells, the header {}".format(len(cells), len(header)))
            if any(BAD_TEXT.search(cell) for cell in cells):
                raise ValueError("holds a NUL")
            if cells:
                found.append(dict(zip(header, cells)))
    except (ValueError, csv.Error) as error:
        where = "line {} {}".format(rows.line_num, printable(str(error)))
        raise Malformed(path, "is not the table that is needed", where, advice) from error
    return found


def check_nesting(text, tokens, max_depth):
    """Raise ValueError when brackets nest deeper than `max_depth`; `tokens` finds them, and passes over text."""
    depth = 0
    for token in tokens.finditer(text):
        character = token.group()
        if character in ("[", "{"):
            depth += 1
            if depth > max_depth:
                line = text.count("\n", 0, token.start()) + 1
                raise ValueError("line {}: nested deeper than {} levels".format(line, max_depth))
        elif character in ("]", "}"):
            depth -= 1


def check_values(value, finite, max_depth=MAX_DEPTH):
    """Raise ValueError, with its place, for a value within dicts and lists that cannot be worked with."""
    if isinstance(value, str):
        if BAD_TEXT.search(value):
            raise _Bad("{} holds a NUL or half a character".format(shown(value)))
    elif isinstance(value, float):
        if finite and not math.isfinite(value):
            raise _Bad("{} is no number to work with".format(value))
    elif isinstance(value, int):
        if value.bit_length() > 63:
            raise _Bad("a whole number of {} bits is too large".format(value.bit_length()))
    elif isinstance(value, (dict, list)):
        if not max_depth:
            raise _Bad("nested too deeply")
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            step = "." + cut(printable(key)) if isinstance(value, dict) else "[{}]".format(key)
            try:
                check_values(key, finite)
                check_values(entry, finite, max_depth - 1)
            except _Bad as error:
                raise error.within(step) from None


def _of_values(document, path, advice, finite=True):
    try:
        check_values(document, finite)
    except ValueError as error:
        raise Malformed(path, "", str(error), advice) from error
    return document


def _check_lengths(text):
    """Raise ValueError for a key or a number that the parser would take too long for; text: TOML without its texts."""
    for part in re.split(r"[\n=\[\]{},]", text.replace(" ", "").replace("\t", "")):
        if part.count(".") > MAX_DEPTH:
            raise ValueError("a key has more than {} parts".format(MAX_DEPTH))
    if TOML_LONG_NUMBER.search(text):
        raise ValueError("a number has more than {} digits".format(MOST_DIGITS))


def _without_text(token):
    return token.group() if token.group() in "[]{}" else "s"


def _object(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError("the key {} is there twice".format(shown(twice)))
    return found


def _whole_number(text):
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise ValueError("a whole number of {} digits is too large".format(len(text.lstrip("-"))))
    return int(text)
