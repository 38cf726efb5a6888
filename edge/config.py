"""The configuration: one commented TOML file, read into NamedTuples.

KEYS is the only place where a key is described. Defaults, validation, the Settings types and the
commented text that ships (systemd/cry-monitor.toml) are all made from it, so they cannot disagree.
"""

import collections
import difflib
import json
import re
from typing import Any, NamedTuple, Optional

from edge.errors import UserError
from edge.text import cut, printable, shown
from edge.untrusted import Malformed, read_toml


class Key(NamedTuple):
    """One key of the file. Numbers have low and high, text may have a pattern; both are inclusive."""

    section: str
    name: str
    default: Any  # its type is the key's type: bool, int, float or str
    valid: str  # what a person reads: unit and range
    comment: str
    low: float = 0.0
    high: float = 0.0
    pattern: str = ""


def _number(section, name, default, low, high, unit, comment):
    valid = "{:g} to {:g}{}".format(low, high, " " + unit if unit else "")
    return Key(section, name, default, valid, comment, low=low, high=high)


SECTIONS = {
    "audio": "Where the sound comes from.",
    "detector": "What listens to it.",
    "gate": "Sound too quiet to be a cry is not shown to the detector.",
    "decision": "When frames become a crying episode.",
    "store": "The database of events. Sound is never written.",
    "socket": "Who else on this machine is told: bridge, page and terminal view read it.",
    "budget": "What counts as too slow.",
}

KEYS = (
    Key(
        "audio",
        "source",
        "mic",
        "mic, mic:NAME, file:PATH or -",
        "Default microphone, a microphone by name (`cry-monitor devices`), a recording, or PCM on stdin.",
        pattern=r"mic|mic:.+|file:.+|-",
    ),
    Key(
        "detector",
        "bundle",
        "",
        "a directory, or empty",
        "Directory of the models; empty is the bundle that ships with cry-monitor.",
    ),
    _number("detector", "threads", 1, 1, 16, "threads", "Threads of the inference engine."),
    Key("gate", "enabled", True, "true or false", "false shows every frame to the detector."),
    _number("gate", "margin_db", 3.0, 0, 30, "dB", "How far above the room's own noise a sound must be."),
    _number("gate", "floor_dbfs", -70.0, -120, 0, "dBFS", "The lowest level that is ever analysed."),
    Key(
        "decision",
        "sensitivity",
        "normal",
        "low, normal or high",
        "How soon a sound counts as crying: high hears more cries and raises more false alarms.\n"
        "`cry-monitor doctor` says what each came to on recordings that the models had not heard.",
        pattern="low|normal|high",
    ),
    _number(
        "decision",
        "open_threshold",
        0.0,
        0,
        1,
        "",
        "Smoothed cry probability at which an episode opens; 0 is the sensitivity's.",
    ),
    _number(
        "decision",
        "close_threshold",
        0.0,
        0,
        1,
        "",
        "Smoothed cry probability below which it closes; 0 is the sensitivity's.",
    ),
    _number(
        "decision",
        "lasting_threshold",
        0.0,
        0,
        1,
        "",
        "Mean cry probability over lasting_s at which an episode opens too; 0 is the sensitivity's, 1 is never.",
    ),
    _number("decision", "lasting_s", 8.0, 1, 60, "s", "How long a less sure cry must last to open an episode."),
    _number("decision", "min_event_s", 1.0, 0, 60, "s", "Shorter episodes are not events."),
    _number("decision", "merge_gap_s", 5.0, 0, 600, "s", "Cries closer together are one event."),
    _number(
        "decision",
        "smoothing_frames",
        3,
        1,
        25,
        "frames of 0.2 s",
        "The detector's probability is averaged over this many frames.",
    ),
    Key(
        "store",
        "path",
        "",
        "a file, or empty",
        "The database; empty is events.db in the service's state directory, else in\n$XDG_STATE_HOME/cry-monitor.",
    ),
    _number("store", "keep_days", 90, 1, 3650, "days", "Older rows are removed."),
    _number(
        "store",
        "max_mb",
        100,
        1,
        10000,
        "MB",
        "Above this the oldest minutes are removed; events never are for their size.",
    ),
    Key("socket", "enabled", True, "true or false", "false offers no local socket."),
    Key(
        "socket",
        "path",
        "",
        "a path of at most 107 bytes, or empty",
        "Empty is the one that systemd passes to the service, else one in $RUNTIME_DIRECTORY,\n"
        "$XDG_RUNTIME_DIR/cry-monitor, or beside the database.",
    ),
    _number("budget", "frame_ms", 96.0, 1, 1000, "ms", "A frame that takes longer is a missed deadline."),
)


def _keys_of(section):
    return [key for key in KEYS if key.section == section]


def _record_type(name, fields) -> Any:
    return collections.namedtuple(name, list(fields))


_SECTION_TYPES = {
    section: _record_type(section.capitalize(), [key.name for key in _keys_of(section)]) for section in SECTIONS
}
_Sections: Any = _record_type("Settings", SECTIONS)


class Settings(_Sections):
    """Every key by section: settings.decision.merge_gap_s. See KEYS for units and ranges."""

    __slots__ = ()


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)


def _default_config_text():
    lines = [
        "# cry-monitor: every key with its default. Remove the # before a key to change it.",
        "# Flags on the command line win over this file.",
    ]
    for section, about in SECTIONS.items():
        lines += ["", "# " + about, "[{}]".format(section)]
        for key in _keys_of(section):
            lines += ["# " + line for line in key.comment.split("\n")]
            lines += ["# Valid: {}.".format(key.valid), "#{} = {}".format(key.name, _toml(key.default))]
    return "\n".join(lines) + "\n"


DEFAULT_CONFIG_TEXT = _default_config_text()


def default_settings() -> Settings:
    """Every key at its default."""
    return _settings({})


def load_settings(path: Optional[str] = None) -> Settings:
    """Settings from a TOML file; keys it does not name keep their defaults, and None is all defaults.

    Raises:
        UserError: the file cannot be read, is not TOML, or holds an unknown section or key, a value of
            the wrong type or one out of its range.
    """
    if path is None:
        return default_settings()
    given = _read_toml(path)
    for section, table in given.items():
        if section not in SECTIONS:
            raise UserError("{}: unknown section [{}]; {}".format(path, section, _nearest(section, SECTIONS)))
        if not isinstance(table, dict):
            raise UserError(
                "{}: {} = {} stands outside a section; write it under [{}]".format(path, section, shown(table), section)
            )
        known = {key.name: key for key in _keys_of(section)}
        for name, value in table.items():
            if name not in known:
                hint = _nearest(name, known)
                raise UserError("{}: unknown key {}.{}; {}".format(path, section, name, hint))
            table[name] = _checked(path, known[name], value)
    settings = _settings(given)
    _check_hysteresis(path, settings.decision)
    return settings


def _settings(given):
    sections = []
    for section, make in _SECTION_TYPES.items():
        table = given.get(section, {})
        sections.append(make(*[table.get(key.name, key.default) for key in _keys_of(section)]))
    return Settings(*sections)


def _read_toml(path):
    try:
        return read_toml(path, advice="see systemd/cry-monitor.toml")
    except Malformed:
        raise
    except UserError as error:
        raise UserError("cannot read the configuration {}".format(error)) from error


def _nearest(name, known):
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return "did you mean {}?".format(close[0])
    return "valid: {}".format(", ".join(known))


def _checked(path, key, value):
    """The value, as the key's type; an integer is a valid float, a bool is no number."""
    kind = type(key.default)
    if kind is float and type(value) is int:
        value = float(value)
    in_range = type(value) is kind
    if in_range and kind in (int, float):
        in_range = key.low <= value <= key.high
    elif in_range and key.pattern:
        in_range = re.match("(?:{})$".format(key.pattern), value) is not None
    if not in_range:
        raise UserError(
            "{}: {}.{} = {}: valid is {}{}".format(
                path, key.section, key.name, _shown(value), _NOUNS.get(kind, ""), key.valid
            )
        )
    return value


_NOUNS = {int: "a whole number, ", float: "a number, ", str: "text in quotes, "}


def _shown(value):
    return cut(printable(_toml(value))) if isinstance(value, (bool, int, float, str)) else shown(value)


def _check_hysteresis(path, decision):
    if 0 < decision.open_threshold < decision.close_threshold:
        raise UserError(
            "{}: decision.close_threshold = {:g} is above decision.open_threshold = {:g}: an episode would "
            "close as it opens; valid is 0 to {:g}".format(
                path, decision.close_threshold, decision.open_threshold, decision.open_threshold
            )
        )
