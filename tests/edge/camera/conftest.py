"""A sender on loopback that does what cameras do: sends, freezes, ends, asks for a password."""

import shutil

import pytest
from fake_sender import FakeSender
from loud_bundle import loud_bundle  # noqa: F401


@pytest.fixture
def ffmpeg():
    """The test needs ffmpeg, and is skipped without it."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")


@pytest.fixture
def sender(ffmpeg):
    """A FakeSender that sends quiet noise."""
    sender = FakeSender()
    yield sender
    sender.close()
