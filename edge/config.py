"""The configuration: one commented TOML file, read into NamedTuples.

edge/config_keys.py is the only place where a key is described. Defaults, validation, the Settings types and the
commented text that ships (systemd/cry-monitor.toml) are all made from it, so they cannot disagree.
"""

import collections
import difflib
import json
import re
from typing import Any, Optional

from edge.config_keys import KEYS, SECTIONS
from edge.errors import UserError
from edge.text import cut, printable, shown
from edge.untrusted import Malformed, read_toml


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
