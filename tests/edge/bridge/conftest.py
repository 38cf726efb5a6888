"""Fixtures of this room."""

from receivers import receiver  # noqa: F401
