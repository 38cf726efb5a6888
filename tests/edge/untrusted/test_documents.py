"""Documents of others: whatever is in them, they are read or refused in one line that names file and place."""

import os
import sys
import time

import pytest

from edge.errors import UserError
from edge.untrusted import Malformed, parse_json, read_csv, read_json, read_text, read_toml
from edge.untrusted.documents import MAX_DEPTH

QUICKLY_S = 5.0  # of a processor; a second is a lot already


@pytest.fixture
def written(tmp_path):
    """written(content) -> path of a file that holds it."""

    def write(content):
        path = tmp_path / "given"
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return str(path)

    return write


def refusal(read, *arguments):
    """The one line with which something is refused, quickly."""
    started = time.process_time()
    with pytest.raises(UserError) as error:
        read(*arguments)
    assert time.process_time() - started < QUICKLY_S
    assert "\n" not in str(error.value)
    assert arguments[0] in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_with_a_byte_order_mark_or_without(written, mark):
    assert read_json(written(mark + b'{"a": [1, -2.5, "\\u00e9", null]}')) == {"a": [1, -2.5, "\u00e9", None]}
    assert read_toml(written(mark + b"[a]\nb = 'c'\n")) == {"a": {"b": "c"}}
    assert read_csv(written(mark + b"a,b\r\n1,2\r\n"), ["b"]) == [{"a": "1", "b": "2"}]


def test_brackets_in_text_do_not_count(written):
    assert read_json(written('["' + "[" * 3000 + '\\"]"]')) == ["[" * 3000 + '"]']
    text = 'a = "' + "[" * 100 + "\"\nb = '" + "{" * 100 + '\'\nc = """' + "[\n" * 100 + '"""\n# ' + "[" * 100 + "\n"
    assert read_toml(written(text + "d = '''" + ".x" * 100 + "'''\n"))["b"] == "{" * 100


@pytest.mark.parametrize(
    "content, said",
    [
        ("[" * 3000, "line 1: nested deeper than 64 levels"),
        ("{\n" * 65 + '"a"', "line 65: nested deeper"),
        ('{"a":' * 200000, "nested deeper"),
        ('{"a": [0, {"b": NaN}]}', "a[1].b: nan is no number to work with"),
        ('{"a": [0, {"b": 1e999}]}', "a[1].b: inf is no number to work with"),
        ('{"a": -Infinity}', "a: -inf"),
        ("1" + "0" * 400, "a whole number of 401 digits is too large"),
        ('{"a": 9999999999999999999}', "a: a whole number of 64 bits is too large"),
        ('{"a": 9223372036854775808}', "a: a whole number of 64 bits is too large"),
        ('{"a": -99999999999999999999}', "a whole number of 20 digits is too large"),
        ('{"a": 1, "b": 2, "c": 3, "b": 4}', "the key 'b' is there twice"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ('{"files": [{"path": "a\\u0000b"}]}', "files[0].path: 'a\\x00b' holds a NUL"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"\\ud800": 1}', "half a character"),
        ('{"a"', "Expecting ':' delimiter: line 1 column 5"),
        ('"\x1b[2J', "Invalid control character"),
        ("", "Expecting value"),
        (b"\xff\xfe{\x00}\x00", "UTF-16 text: save it as UTF-8"),
        (b'{"a": "\xe9"}', "byte 7 is no UTF-8 text"),
        ('"' + '\\"' * 500000, "Unterminated string"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_json_that_cannot_be_worked_with(written, content, said):
    assert said in refusal(read_json, written(content))


@pytest.mark.parametrize(
    "content, said",
    [
        ("a=" + "[" * 3000, "line 1: nested deeper than 64 levels"),
        ("a = 1" + "0" * 400, "a: a whole number of 1329 bits is too large"),
        ("a = 1" + "0" * 900000, "a number has more than 1000 digits"),
        ("a = 1" + "0" * 1000, "a number has more than 1000 digits"),
        ("a = 1" + "0" * 999, "a: a whole number of 3319 bits is too large"),
        ("a = [1, nan]", "a[1]: nan is no number"),
        ("a" + ".a" * 65 + " = 1", "a key has more than 64 parts"),
        ("[a" + ".a" * 39 + "]\nb" + ".b" * 39 + " = 1", "nested too deeply"),
        ("[a]\nb = nan", "a.b: nan is no number"),
        ("a" + ".a" * 200000 + " = 1", "a key has more than 64 parts"),
        ('"a"' + '."a"' * 200000 + " = 1", "a key has more than 64 parts"),
        ("[" + "a." * 200000 + "a]", "a key has more than 64 parts"),
        ("a = 1\na = 2", "not a TOML file"),
        ("a = '\x00'", "not a TOML file"),
        ('a = "\\u0000"', "a: '\\x00' holds a NUL"),
        (b"\xfe\xff\x00a", "UTF-16"),
        (b"a = '\xe9'", "byte 5 is no UTF-8 text"),
        ('"\x1b]0;title\x07" = 1', "not a TOML file"),
        ('a = """' + "[" * 100, "not a TOML file"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_toml_that_cannot_be_worked_with(written, content, said):
    assert said in refusal(read_toml, written(content))


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "line 0 has no column path"),
        ("set\n1\n", "line 1 has no column path"),
        ("path,path\n", "two columns of one name"),
        ("path,set\na\n", "line 2 has 1 cells, the header 2"),
        ("path,set\na,b\na,b,c\n", "line 3 has 3 cells, the header 2"),
        ('path,set\n"a"b,c\n', "line 2"),
        ("path,set\n\x00,c\n", "line 2"),
        ("path,set\na,b\n\nc\n", "line 4 has 1 cells, the header 2"),
        ("path,set\n" + "x" * 200000 + ",c\n", "field larger than field limit"),
        (b"path,set\n\xe9,c\n", "byte 9 is no UTF-8 text"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_table_that_cannot_be_worked_with(written, content, said):
    assert said in refusal(read_csv, written(content), ["path"])


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    for path in (str(tmp_path / "pipe"), str(tmp_path), "/dev/zero", str(tmp_path / "absent")):
        for read in (read_json, read_toml, lambda path: read_csv(path, ["a"])):
            assert "check the path" in refusal(read, path)


def test_a_gigabyte_is_not_read(tmp_path):
    path = tmp_path / "large"
    with open(str(path), "wb") as file:
        file.truncate(1 << 30)
    for read in (read_json, read_toml, lambda path: read_csv(path, ["a"])):
        assert "has 1073.7 MB" in refusal(read, str(path))


def test_the_advice_stands_at_the_end(written):
    with pytest.raises(Malformed) as error:
        read_json(written("{"), advice="export it again")
    assert str(error.value).endswith("; export it again")


def test_as_deep_as_it_may_be_is_read_and_one_more_is_not(written):
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert read_json(written(deepest)) is not None
    assert "nested" in refusal(read_json, written("[" + deepest + "]"))


@pytest.mark.parametrize("number", [9223372036854775807, -9223372036854775807, 0, -1])
def test_a_whole_number_of_64_bits_comes_back(written, number):
    assert read_json(written('{{"a": [{}]}}'.format(number))) == {"a": [number]}
    assert read_toml(written("a = {}\n".format(number))) == {"a": number}


def test_where_a_measure_of_nothing_is_nan_it_is_read(written):
    for text in ("NaN", '{"a": [NaN, Infinity]}'):
        assert "no number to work with" in refusal(read_json, written(text))
        read_json(written(text), finite=False)
    assert "holds a NUL" in refusal(lambda path: read_json(path, finite=False), written('["\\u0000"]'))


def test_a_key_of_65_parts_is_read_to_its_last(written):
    document = read_toml(written("[a" + ".a" * 30 + "]\nb" + ".b" * 30 + " = 1\n"))
    depth = 0
    while isinstance(document, dict):
        (document,) = document.values()
        depth += 1
    assert (depth, document) == (62, 1)


@pytest.mark.parametrize("read, most", [(read_json, 1 << 20), (read_toml, 1 << 20), (read_csv, 64 << 20)])
def test_a_document_has_a_megabyte_and_a_table_sixty_four(tmp_path, read, most):
    """Sparse files: of one that is too large nothing is read; one that fits is read, and is none."""
    path = str(tmp_path / "large")
    for n_bytes, said in ((most, "large is not"), (most + 1, "has ")):
        if n_bytes > 1 << 21 and said != "has ":
            continue  # it would be read, and take its time
        with open(path, "wb") as file:
            file.truncate(n_bytes)
        arguments = (path, ["a"]) if read is read_csv else (path,)
        with pytest.raises(UserError, match=said):
            read(*arguments)


def test_a_table_without_rows_is_one(written):
    assert read_csv(written("path,set\n"), ["path", "set"]) == []
    assert read_csv(written('path,set\r\n\r\n"a\nb",\r\n'), ["path"]) == [{"path": "a\nb", "set": ""}]
    assert "has no column a, c" in refusal(read_csv, written("b\n"), ["a", "b", "c"])


def test_what_is_wrong_is_said_in_one_form(written):
    path = written("x")
    for given, text in (
        (("is no text", "why", "do that"), "{} is no text: why; do that"),
        (("", "a: why", "do that"), "{}: a: why; do that"),
        (("is no text", "why"), "{} is no text: why"),
    ):
        assert str(Malformed(path, *given)) == text.format(path)
    assert Malformed(path, "", "why").reason == "why"
    assert str(Malformed("a\nb", "", "why")) == "a\\nb: why"


def test_plain_text_is_read_without_its_mark_or_refused(written):
    assert read_text(written(b"\xef\xbb\xbfcaf\xc3\xa9\xef\xbb\xbf")) == "caf\u00e9\ufeff"
    assert "is no text: byte 3 is no UTF-8 text: save it as UTF-8" in refusal(read_text, written(b"caf\xe9"))
    for mark in (b"\xff\xfe", b"\xfe\xff"):
        assert "is no text: it is UTF-16 text: save it as UTF-8" in refusal(read_text, written(mark + b"a"))
    assert "has 0.0 MB" in refusal(lambda path: read_text(path, max_bytes=3), written("1234"))
    assert read_text(written("123"), max_bytes=3) == "123"


def test_bytes_of_json_are_named_as_they_are_called():
    assert parse_json(b"[1]", "the answer") == [1]
    with pytest.raises(Malformed, match="^the answer is not valid JSON: .*; ask again$"):
        parse_json(b"[1", "the answer", advice="ask again")
    with pytest.raises(Malformed, match="nested deeper than 2 levels"):
        parse_json(b"[[[]]]", "the answer", max_depth=2)
    assert parse_json(b"[[]]", "the answer", max_depth=2) == [[]]


def test_lines_are_counted_from_the_first_character_on(written):
    assert "line 3: nested deeper" in refusal(read_json, written("\n\n" + "[" * 100))
    assert "line 2: nested deeper" in refusal(read_toml, written("\na = " + "[" * 100))


def test_without_a_reader_of_toml_it_is_said_what_to_install(written, monkeypatch):
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)
    assert "no TOML reader for this Python; pip install tomli" in refusal(read_toml, written("a = 1"))
