"""Typed reading of a JSON object: every problem is one line with the file, the key and the value."""

import math

from edge.errors import UserError
from edge.text import shown

ADVICE = "repair the file or export the bundle again"


class Fields(object):
    """A JSON object together with where it stands, e.g. "manifest.json: models[0].feature"."""

    def __init__(self, content, where, key="", advice=ADVICE):
        self.content = content
        self.where = where
        self._prefix = key
        self._advice = advice
        if not isinstance(content, dict):
            raise UserError(
                "{}: {} is {}, expected an object: {}".format(where, key or "the document", shown(content), advice)
            )

    def problem(self, key, value, expected):
        """The UserError for a key whose value is not what was expected."""
        return UserError(
            "{}: {} is {}, {}: {}".format(self.where, self._name(key), shown(value), expected, self._advice)
        )

    def text(self, key):
        """A string that is not empty."""
        return self._checked(key, lambda v: isinstance(v, str) and v != "", "expected text")

    def texts(self, key):
        """A list of strings, at least one."""
        return self._checked(
            key, lambda v: isinstance(v, list) and v and all(isinstance(t, str) for t in v), "expected a list of texts"
        )

    def choice(self, key, choices):
        """One of the given strings."""
        return self._checked(key, lambda v: v in choices, "this version knows " + ", ".join(choices))

    def truth(self, key):
        """True or False."""
        return self._checked(key, lambda v: isinstance(v, bool), "expected true or false")

    def integer(self, key, lowest):
        """A whole number, at least `lowest`."""
        return self._checked(
            key,
            lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= lowest,
            "expected a whole number of at least {}".format(lowest),
        )

    def positive(self, key):
        """A finite number above zero."""
        return float(self._checked(key, lambda v: is_number(v) and v > 0, "expected a number above 0"))

    def number(self, key, lowest, highest=math.inf):
        """A finite number in lowest..highest."""
        return float(
            self._checked(
                key, lambda v: is_number(v) and lowest <= v <= highest, "expected a number" + span(lowest, highest)
            )
        )

    def numbers(self, key, count):
        """A list of `count` finite numbers."""
        values = self._checked(
            key,
            lambda v: isinstance(v, list) and len(v) == count and all(map(is_number, v)),
            "expected a list of {} numbers".format(count),
        )
        return [float(value) for value in values]

    def integers(self, key, lowest, highest):
        """A list of whole numbers in lowest..highest, at least one."""
        return self._checked(
            key,
            lambda v: isinstance(v, list) and v and all(type(n) is int and lowest <= n <= highest for n in v),
            "expected a list of whole numbers" + span(lowest, highest),
        )

    def optional_share(self, key):
        """A number in 0..1, or None."""
        value = self._checked(
            key, lambda v: v is None or is_number(v) and 0 <= v <= 1, "expected null or a number from 0 to 1"
        )
        return None if value is None else float(value)

    def probability(self, key):
        """A number in 0..1, ends excluded."""
        return float(self._checked(key, lambda v: is_number(v) and 0 < v < 1, "expected a number between 0 and 1"))

    def optional_number(self, key):
        """A finite number, or None."""
        value = self._checked(key, lambda v: v is None or is_number(v), "expected a number or null")
        return None if value is None else float(value)

    def mapping(self, key):
        """An object of any content, as a dict."""
        return self._checked(key, lambda v: isinstance(v, dict), "expected an object")

    def optional_mapping(self, key):
        """An object of any content, or None."""
        return self._checked(key, lambda v: v is None or isinstance(v, dict), "expected an object or null")

    def object(self, key):
        """An object, as Fields."""
        return Fields(self.mapping(key), self.where, self._name(key), self._advice)

    def objects(self, key):
        """A list of objects, as Fields."""
        entries = self._checked(key, lambda v: isinstance(v, list), "expected a list")
        return [
            Fields(entry, self.where, "{}[{}]".format(self._name(key), n), self._advice)
            for n, entry in enumerate(entries)
        ]

    def _name(self, key):
        return "{}.{}".format(self._prefix, key) if self._prefix else key

    def _checked(self, key, is_valid, expected):
        if key not in self.content:
            raise UserError("{}: {} is missing, {}: {}".format(self.where, self._name(key), expected, self._advice))
        value = self.content[key]
        if not is_valid(value):
            raise self.problem(key, value, expected)
        return value


def is_number(value):
    """True for a finite int or float; JSON as Python reads it also has NaN and Infinity."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def span(lowest, highest):
    """A range in words."""
    return " of at least {:g}".format(lowest) if highest == math.inf else " from {:g} to {:g}".format(lowest, highest)
