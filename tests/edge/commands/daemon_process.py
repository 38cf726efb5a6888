"""What tests do with a `cry-monitor run` that is running."""

import signal
import time

from patience import PATIENCE_S


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


def on_virtual_microphone(microphone):
    """Changes to the environment that make the daemon hear it."""
    return {name: value for name, value in microphone.environment.items() if name.startswith(("PULSE", "ALSA"))}
