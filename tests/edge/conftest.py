"""Fixtures that several rooms share."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from virtual_microphone import virtual_microphone  # noqa: E402, F401
