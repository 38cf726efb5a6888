"""Draw calibration_data/ from the recordings."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import add_data


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train calibration`."""
    add_data(parser)
    parser.add_argument("--out", type=Path, default=Path("calibration_data"))
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Draw the feature tensors; returns the exit status."""
    from training.data.calibration_data import FRAMES, PATCHES, write_calibration_data

    for drawing in (FRAMES, PATCHES):
        write_calibration_data(arguments.data, arguments.out, arguments.seed, drawing)
    return 0
