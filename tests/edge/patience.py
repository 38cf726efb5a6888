"""How long tests wait for what comes at once on a machine with nothing else to do.

It ends a test that hangs; it says nothing of how long anything may take. What may take so long is measured beside a
yardstick (how_much_slower) or in events.
"""

import subprocess
import sys
import time

PATIENCE_S = 300.0
START_S = 0.3  # of a Python with NumPy, on a machine with time for it


def how_much_slower():
    """How much longer than it should starting a process takes on this machine now; at least 1."""
    started = time.monotonic()
    subprocess.check_call([sys.executable, "-c", "import numpy"])
    return max(1.0, (time.monotonic() - started) / START_S)
