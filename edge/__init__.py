"""The device: audio in, cry events out. Python 3.6.9+, NumPy, SciPy and one inference engine.

Rooms: audio -> dsp -> engines/bundle -> decision, joined in pipeline.py; store, config, daemon and
commands around them. Nothing here imports export/ or training/.
"""

__version__ = "0.1.0"
