"""Fixtures of the commands' room that this one uses."""

from loud_bundle import loud_bundle  # noqa: F401
