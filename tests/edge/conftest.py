"""Fixtures that several rooms share."""

import os
import sys

import edge  # noqa: F401  before NumPy: it keeps linear algebra on one thread, as in the product

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from virtual_microphone import virtual_microphone  # noqa: E402, F401
