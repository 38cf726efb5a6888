"""One installation and one booted systemd for all tests of this room."""

import ctypes.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from booted_systemd import BootedSystemd, why_it_cannot_boot  # noqa: E402

# Not the interpreter of the tests: the service may not look into anybody's home, where that one may live.
PYTHON = "/usr/bin/python3"
SOURCES = ["LICENSE", "Makefile", "README.md", "edge", "pyproject.toml", "setup.py", "systemd"]

MICROPHONE = """
.fail
load-module module-native-protocol-unix auth-anonymous=1 socket=/run/microphone/native
load-module module-null-sink sink_name=sink rate=16000 channels=1 format=s16le norewinds=1
load-module module-remap-source master=sink.monitor source_name=microphone
set-default-sink sink
set-default-source microphone
"""
ALSA = "</usr/share/alsa/alsa.conf>\npcm.!default { type pulse }\nctl.!default { type pulse }\n"
MICROPHONE_UNIT = """
[Service]
RuntimeDirectory=microphone pulse-private
Environment=PULSE_RUNTIME_PATH=/run/pulse-private PULSE_STATE_PATH=/run/pulse-private
ExecStart=pulseaudio -n -F /etc/microphone.pa --daemonize=no --use-pid-file=no --exit-idle-time=-1 --disallow-exit=yes
ExecStartPost=sh -c 'until chmod 777 /run/microphone/native; do sleep 0.1; done'
"""
HEARS_IT = """
[Service]
Environment=PULSE_SERVER=unix:/run/microphone/native ALSA_CONFIG_PATH=/etc/microphone-alsa.conf
"""
# Opening a microphone may take 6 s, and no frame is processed meanwhile.
IMPATIENT = "[Service]\nWatchdogSec=8\nRestartSec=0.5\n"


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

    def make(target, **variables):
        done = subprocess.run(
            ["make", target, *("{}={}".format(*pair) for pair in variables.items())],
            cwd=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout

    return make


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
    try:
        system.write("/etc/microphone.pa", MICROPHONE)
        system.write("/etc/microphone-alsa.conf", ALSA)
        system.write("/etc/systemd/system/microphone.service", MICROPHONE_UNIT)
        system.write("/etc/systemd/system/cry-monitor.service.d/hears-it.conf", HEARS_IT)
        system.write("/etc/systemd/system/cry-monitor.service.d/impatient.conf", IMPATIENT)
        system.run("systemctl", "start", "microphone", "cry-monitor")
        yield system
    finally:
        system.close()


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
