"""No adaptation: the source alone."""

from training.adaptation.stage import Adaptation


class Method(Adaptation):
    """As every method does unless it says otherwise."""
