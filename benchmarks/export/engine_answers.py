"""The answers of one engine to given inputs, under whatever Python this is: what engines_agree runs elsewhere.

    python -m benchmarks.export.engine_answers PACKAGE MODEL INPUTS.npy OUT.npz

INPUTS: (N, ...) float32, as the model takes them. OUT: logits (N, labels), and what gave them.
"""

import platform
import sys

import numpy as np

from edge.engines import CANDIDATES, EngineUnavailable


def main() -> None:
    """Run one engine; its absence is one line on stderr and exit status 1."""
    package, model, inputs, out = sys.argv[1:]
    candidate = next(candidate for candidate in CANDIDATES if candidate.package == package)
    try:
        engine = candidate.open(model, 1)
    except EngineUnavailable as reason:
        sys.exit(f"{package}: {reason}")
    frames = np.load(inputs)
    logits = np.concatenate([engine.run(frames[n : n + 1]) for n in range(len(frames))])
    np.savez(out, logits=logits, engine=engine.name, machine=platform.machine(), python=platform.python_version())


if __name__ == "__main__":
    main()
