"""One house for all tests: they follow each other in it."""

import sys
import tempfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
for room in ("", "bridge", "commands"):
    sys.path.insert(0, str(REPOSITORY / "tests" / "edge" / room))

from virtual_microphone import what_is_not_installed  # noqa: E402
from whole_house import House  # noqa: E402


@pytest.fixture(scope="session")
def house():
    missing = what_is_not_installed()
    if missing:
        pytest.skip("no virtual microphone: " + missing)
    with tempfile.TemporaryDirectory(prefix="house") as folder:  # a socket's path has 107 bytes
        house = House(Path(folder))
        yield house
        house.close()
