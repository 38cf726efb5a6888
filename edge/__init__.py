"""The device: audio in, cry events out. Python 3.6.9+, NumPy, SciPy and one inference engine.

Rooms: audio -> dsp -> engines/bundle -> decision, joined in pipeline.py; store, config, daemon and
commands around them. Nothing here imports export/ or training/.
"""

import os

# NumPy's linear algebra on one thread unless told otherwise: for products as small as ours the others only spin, at the
# price of a second core. It is read when NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
