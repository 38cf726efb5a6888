"""Nurseries made of numbers: cries, household sounds and whole nights, with the truth. NumPy only.

They drive the demo and the tests of pitch and timing, and stand in where there are no recordings.
They are never evidence of accuracy: a detector that finds these cries has shown that it runs, not
that it hears babies.
"""

from edge.synthesis.cry import Cry, infant_cry
from edge.synthesis.household import alarm, babble, door, fan, lullaby
from edge.synthesis.infant import infant_babble, infant_laughter, song
from edge.synthesis.night import Night, Segment, nursery_night

__all__ = [
    "Cry",
    "Night",
    "Segment",
    "alarm",
    "babble",
    "door",
    "fan",
    "infant_babble",
    "infant_cry",
    "infant_laughter",
    "lullaby",
    "nursery_night",
    "song",
]
