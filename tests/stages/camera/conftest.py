"""One fake camera for each test, or the reason why there is none."""

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
sys.path[:0] = [str(REPOSITORY), str(Path(__file__).parent)]

from camera import FakeCamera, what_is_not_installed  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def _there_can_be_one():
    missing = what_is_not_installed()
    if missing:
        pytest.skip("SKIPPED a camera: " + missing)


@pytest.fixture
def camera():
    """camera(**options) -> a running FakeCamera; ended with the test."""
    started = []

    def camera(**options):
        started.append(FakeCamera(**options))
        return started[-1]

    yield camera
    for each in started:
        each.close()
