"""Train denoiser and Transformer by folds.

Train and evaluate a denoiser and a Transformer on every fold and seed of an experiment. Interrupted, it resumes where
it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import add_experiment_arguments, quieten_tensorflow, run_experiment_command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train transformer`."""
    add_experiment_arguments(parser, Path("results/transformer"), "frames, kept for others")


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment; returns the exit status."""
    quieten_tensorflow()
    from training.transformer.config import read_experiment
    from training.transformer.experiment import run_experiment

    return run_experiment_command(arguments, read_experiment, run_experiment)
