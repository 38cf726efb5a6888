"""Train cause models by folds.

Train and evaluate a cause model on every fold and seed of an experiment. Interrupted, it resumes where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import add_experiment_arguments, quieten_tensorflow, run_experiment_command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train causes`."""
    add_experiment_arguments(parser, Path("results/causes"), "features, kept for all experiments")


def run(arguments: argparse.Namespace) -> int:
    """Run the experiment; returns the exit status."""
    quieten_tensorflow()
    from training.causes.config import read_experiment
    from training.causes.experiment import run_experiment

    return run_experiment_command(arguments, read_experiment, run_experiment)
