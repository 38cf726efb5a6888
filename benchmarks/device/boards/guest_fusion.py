"""What runs on the emulated processor: a home's steps on the fusion, with a mark before and after each round's.

    guest_fusion.py EPISODES FRAMES BATCH STEPS

Says NumPy's version as one line of JSON.
"""

import json
import sys

import numpy as np

from benchmarks.device.boards.guest import EMPTY_MARKS, mark
from training.federated.optimisation import LocalSteps, train_locally
from training.verifier.federated import INPUTS, LAYOUT, Episodes, FusionLearner

ROUNDS = 3


def main() -> None:
    """Train on made-up logits."""
    episodes, frames, batch, steps = (int(argument) for argument in sys.argv[1:])
    rng = np.random.default_rng(0)
    logits = list(rng.normal(0, 4, (episodes, frames, INPUTS)))
    learner = FusionLearner(Episodes.of(logits, [number % 2 == 0 for number in range(episodes)]), "", batch)
    local, nothing = LocalSteps(steps, 0.1), np.zeros(LAYOUT.size, np.float32)
    for _ in range(EMPTY_MARKS):
        mark()
    for _ in range(ROUNDS):
        mark()
        train_locally(nothing, lambda y, _: learner.gradient(y, rng), local, nothing, nothing)
        mark()
    print(json.dumps({"numpy": np.__version__}))


if __name__ == "__main__":
    main()
