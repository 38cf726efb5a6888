"""What runs on the emulated processor: one model file after the other, with a mark before and after every run.

    guest_models.py MODEL.tflite ...

Says its engine as one line of JSON. Python 3.6.
"""

import json
import sys

import numpy as np

from benchmarks.device.boards.guest import EMPTY_MARKS, mark
from edge.engines import open_engine

WARM_UP_RUNS, RUNS = 1, 3


def main():
    """Run every model on noise."""
    for _ in range(EMPTY_MARKS):
        mark()
    random = np.random.RandomState(0)
    engines = set()
    for path in sys.argv[1:]:
        engine = open_engine({"tflite": path})
        engines.add(engine.name)
        for x in engine.inputs.values():
            x[...] = random.standard_normal(x.shape)
        for _ in range(WARM_UP_RUNS):
            engine.infer()
        for _ in range(RUNS):
            mark()
            engine.infer()
            mark()
    print(json.dumps({"engines": sorted(engines)}))


if __name__ == "__main__":
    main()
