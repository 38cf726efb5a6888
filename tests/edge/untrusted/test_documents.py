"""Documents of others: whatever is in them, they are read or refused in one line that names file and place."""

import os
import time

import pytest

from edge.errors import UserError
from edge.untrusted import Malformed, read_csv, read_json, read_toml
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
