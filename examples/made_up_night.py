"""A made-up night as a recording: python made_up_night.py FILE.wav SECONDS [SEED]; prints what is in it."""

import sys
import wave

import numpy as np

from edge.frames import SAMPLE_RATE
from edge.synthesis import nursery_night

path, seconds, seed = sys.argv[1], float(sys.argv[2]), int((sys.argv + ["1"])[3])
night = nursery_night(seconds, seed)
with wave.open(path, "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(SAMPLE_RATE)
    file.writeframes(np.round(32767 * night.samples).astype("<i2").tobytes())
cries = ["{:.1f} to {:.1f} s".format(one.start_s, one.end_s) for one in night.truth if one.kind == "cry"]
print("{}: {:g} s, cries at {}".format(path, seconds, ", ".join(cries)))
