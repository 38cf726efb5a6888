"""A module of foreign_torch to TFLite by litert-torch, in an environment that has it: NAME WEIGHTS OUT."""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.export.foreign_torch import SHAPES, modules


def main() -> None:
    """Convert one."""
    import litert_torch
    import torch

    name, weights, out = sys.argv[1:]
    module = modules(torch)[name].eval()
    module.load_state_dict(torch.load(weights))
    example = torch.tensor(np.random.default_rng(3).normal(size=SHAPES[name]).astype(np.float32))
    litert_torch.convert(module, (example,)).export(out)


if __name__ == "__main__":
    main()
