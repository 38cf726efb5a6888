"""The configuration: defaults, text and validation come from one table and say what is wrong."""

import os

import pytest

from edge import config
from edge.config import DEFAULT_CONFIG_TEXT, KEYS, default_settings, load_settings
from edge.errors import UserError

SHIPPED = os.path.join(os.path.dirname(__file__), "..", "..", "systemd", "cry-monitor.toml")


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "cry-monitor.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return str(path)

    return write


def test_no_file_is_all_defaults():
    settings = load_settings(None)
    assert settings == default_settings()
    assert settings.audio.source == "mic"
    assert settings.decision.merge_gap_s == 5.0
    assert settings.budget.frame_ms == 96


def test_the_shipped_file_is_the_generated_text():
    with open(SHIPPED, encoding="utf-8") as file:
        assert file.read() == DEFAULT_CONFIG_TEXT


def test_the_shipped_file_changes_nothing(written):
    assert load_settings(written(DEFAULT_CONFIG_TEXT)) == default_settings()


def test_every_key_in_the_text_can_be_uncommented_and_is_its_default(written):
    names = {key.name for key in KEYS}
    lines = []
    for line in DEFAULT_CONFIG_TEXT.split("\n"):
        is_key = line.startswith("#") and line[1:].split(" = ")[0] in names
        lines.append(line[1:] if is_key else line)
    text = "\n".join(lines)
    for key in KEYS:
        assert "\n{} = ".format(key.name) in text
    assert load_settings(written(text)) == default_settings()


@pytest.mark.parametrize("key", [key for key in KEYS if key.high > key.low], ids=lambda key: key.name)
def test_both_ends_of_a_range_are_valid_and_beyond_is_not(written, key):
    for value in (key.low, key.high):
        load_settings(written("[{}]\n{} = {}\n".format(key.section, key.name, type(key.default)(value))))
    for value in (key.low - 1, key.high + 1):
        value = type(key.default)(value)
        path = written("[{}]\n{} = {}\n".format(key.section, key.name, value))
        with pytest.raises(UserError) as error:
            load_settings(path)
        for part in (path, key.section + "." + key.name, "{:g}".format(value), key.valid):
            assert part in str(error.value)


@pytest.mark.parametrize(
    "text, said",
    [
        ("[decison]\nmin_event_s = 1\n", "unknown section [decison]; did you mean decision?"),
        ("[xyz]\n", "valid: audio, detector, gate"),
        ("[decision]\nmin_events = 1\n", "unknown key decision.min_events; did you mean min_event_s?"),
        ("source = 'mic'\n", "unknown section [source]"),
        ("audio = 'mic'\n", "outside a section; write it under [audio]"),
        ("[audio]\nsource = 'microphone'\n", 'audio.source = "microphone": valid is text in quotes, mic,'),
        ("[audio]\nsource = 3\n", "audio.source = 3: valid is text"),
        ("[gate]\nenabled = 1\n", "gate.enabled = 1: valid is true or false"),
        ("[gate]\nmargin_db = true\n", "gate.margin_db = true: valid is a number, 0 to 30 dB"),
        ("[gate]\nmargin_db = nan\n", "gate.margin_db: nan is no number to work with"),
        ("[gate]\nmargin_db = '6'\n", "valid is a number, 0 to 30 dB"),
        ("[decision]\nsmoothing_frames = 2.5\n", "valid is a whole number, 1 to 25"),
        ("[store]\nkeep_days = []\n", "store.keep_days = []"),
        ("[decision]\nopen_threshold = 0.4\nclose_threshold = 0.6\n", "close_threshold = 0.6 is above"),
        ("[gate\n", "not a TOML file"),
        (b"\xff\xfe", "not a TOML file: it is UTF-16 text: save it as UTF-8"),
        (b"\xff\xfe[\0g\0a\0t\0e\0]\0", "not a TOML file: it is UTF-16 text"),
        (b"[gate]\n# \xe9\n", "not a TOML file: byte 9 is no UTF-8 text"),
        ("a = " + "[" * 3000, "not a TOML file: line 1: nested deeper than 64 levels"),
        ("[gate]\nmargin_db = 1" + "0" * 400, "gate.margin_db: a whole number of 1329 bits is too large"),
        ("[gate]\nmargin_db = 1" + "0" * 5000, "not a TOML file: a number has more than 1000 digits"),
        ('[store]\npath = "a\\u0000b"', "store.path: 'a\\x00b' holds a NUL"),
        ('["\\u001b]0;t\\u0007"]\n', "unknown section [\x1b]0;t\x07]"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_file_is_refused_in_one_line(written, text, said):
    path = written(text)
    with pytest.raises(UserError) as error:
        load_settings(path)
    assert said in str(error.value)
    assert path in str(error.value)
    assert "\n" not in str(error.value)


def test_whole_numbers_are_valid_where_a_float_is_asked(written):
    margin_db = load_settings(written("[gate]\nmargin_db = 10\n")).gate.margin_db
    assert margin_db == 10.0
    assert isinstance(margin_db, float)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "absent.toml", tmp_path):
        with pytest.raises(UserError, match="cannot read the configuration"):
            load_settings(str(path))


def test_a_byte_order_mark_is_passed_over(written):
    assert load_settings(written(b"\xef\xbb\xbf[gate]\nenabled = false\n")).gate.enabled is False


def test_what_is_no_file_or_far_too_large_is_not_read(tmp_path):
    os.mkfifo(str(tmp_path / "pipe"))
    with open(str(tmp_path / "large"), "wb") as file:
        file.truncate(1 << 30)
    for path, said in ((tmp_path / "pipe", "is a named pipe"), (tmp_path / "large", "has 1073.7 MB")):
        with pytest.raises(UserError, match=said):
            load_settings(str(path))


def test_a_multi_line_value_does_not_break_the_message(written):
    with pytest.raises(UserError) as error:
        load_settings(written('[audio]\nsource = """a\nb"""\n'))
    assert "\n" not in str(error.value)


def test_every_key_has_a_section_that_exists():
    assert {key.section for key in KEYS} == set(config.SECTIONS)
