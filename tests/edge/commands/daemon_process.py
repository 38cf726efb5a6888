"""What tests do with a `cry-monitor run` that is running."""

import signal
import subprocess
import sys
import time

from patience import PATIENCE_S

START_S = 0.3  # of a Python with NumPy, on a machine with time for it


def wait_for(process, text):
    """The log line that holds the text; everything before it is passed over."""
    for line in iter(process.stderr.readline, ""):
        if text in line:
            return line
    raise AssertionError("{!r} was never logged".format(text))


def stop(process, number=signal.SIGTERM):
    """Send a signal; returns exit status, stdout, stderr and the seconds it took to end."""
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err, time.monotonic() - started


def how_much_slower():
    """How much longer than it should starting a process takes on this machine now; at least 1."""
    started = time.monotonic()
    subprocess.check_call([sys.executable, "-c", "import numpy"])
    return max(1.0, (time.monotonic() - started) / START_S)


def on_virtual_microphone(microphone):
    """Changes to the environment that make the daemon hear it."""
    return {name: value for name, value in microphone.environment.items() if name.startswith(("PULSE", "ALSA"))}
