"""One installation and one booted systemd for all tests of this room."""

import ctypes.util
import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from booted_systemd import BootedSystemd, why_it_cannot_boot  # noqa: E402
from monitor_system import IMPATIENT, PYTHON, SOURCES, make_target, with_monitor  # noqa: E402


@pytest.fixture(scope="session")
def source(copy_of):
    """A copy of what is installed: an installation leaves nothing in the repository, not even while it runs."""
    return copy_of(SOURCES)


@pytest.fixture(scope="session")
def make(source):
    """make(target, **variables) -> (exit status, what was printed)."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    if subprocess.call([PYTHON, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL):
        pytest.skip(PYTHON + " has no venv: python3-venv is not installed")

    return functools.partial(make_target, source)


@pytest.fixture(scope="session")
def installed(make, tmp_path_factory):
    """The folder below which `make install` has installed."""
    folder = tmp_path_factory.mktemp("installed")
    status, printed = make("install", DESTDIR=folder, PYTHON=PYTHON)
    assert status == 0, printed
    return folder


@pytest.fixture(scope="session")
def system(request, tmp_path_factory):
    """A booted systemd with the monitor installed and started, hearing a virtual microphone."""
    missing = why_it_cannot_boot()
    if not missing and shutil.which("pulseaudio") is None:
        missing = "pulseaudio is not installed"
    if not missing and ctypes.util.find_library("portaudio") is None:
        missing = "libportaudio2 is not installed"
    if missing:
        pytest.skip("no systemd can be booted here: " + missing)
    system = BootedSystemd(
        tmp_path_factory.mktemp("system"), request.getfixturevalue("installed"), request.getfixturevalue("source")
    )
    with with_monitor(system, IMPATIENT):
        yield system


@pytest.fixture
def hearing(system):
    """hearing() waits until the service hears, and gives the number of its main process."""

    def hears():
        active = system.property("cry-monitor", "ActiveState") == "active"
        return active and system.property("cry-monitor", "StatusText").startswith("healthy")

    def hearing():
        system.wait_until(hears)
        return system.property("cry-monitor", "MainPID")

    return hearing
