"""Models that began to answer what is no number while they ran: said once each, and who hears on without them."""

import math

from edge.log import log


class NoAnswer(ArithmeticError):
    """A model answered what is no number."""


def is_answer(values):
    """Whether all of a float array are numbers: neither NaN nor infinite."""
    return math.isfinite(float(values.sum()))


class LeftOut(object):
    """Titles of the models that cannot be worked with any more, and why; each is said once.

    reasons: {title: text} of those that are left out now.
    """

    def __init__(self, say=None):
        """say: called with a title, what became of it, and whether it answers again; None writes it to the log."""
        self.reasons = {}
        self._say = say or _log

    def add(self, title, rest):
        """The model answered no number; rest: what goes on without it, in words."""
        if title not in self.reasons:
            self.reasons[title] = "it answers what is no number: " + rest
            self._say(title, self.reasons[title], False)

    def remove(self, title):
        """The model answers again."""
        if self.reasons.pop(title, None):
            self._say(title, "it answers again", True)


def _log(title, text, is_over):
    (log.warning if is_over else log.error)("the %s: %s", title, text)
