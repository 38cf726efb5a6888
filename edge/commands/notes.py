"""What a person should know of a bundle and a configuration before anything is judged by them."""

import sys

from edge.decision.rules import differences
from edge.engines.base import slow_because
from edge.text import printable


def bundle_notes(bundle, settings):
    """One line each: models that are left out, thresholds that are not the bundle's own."""
    slow = slow_because()
    return bundle.left_out + differences(bundle.decision, settings.decision) + ([slow] if slow else [])


def print_notes(bundle, settings, name="cry-monitor"):
    """The same on stderr, beside the results of a command."""
    for line in bundle_notes(bundle, settings):
        print_note(line, name)


def print_note(text, name="cry-monitor"):
    """Something that is good to know and no error, on stderr."""
    print("{}: note: {}".format(name, printable(text)), file=sys.stderr)
