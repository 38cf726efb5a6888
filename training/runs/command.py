"""What the commands that run an experiment over folds and seeds share: their flags, and their last line."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.errors import UserError

SMALLEST = {"rounds": 1, "epochs": 1, "cores": 1, "rank": 1, "folds": 2, "per_label": 0, "seed": 0}


def check_counts(arguments: argparse.Namespace) -> None:
    """Raises UserError where a flag that counts something is below the least that has a sense, in any command."""
    for name, smallest in SMALLEST.items():
        value = getattr(arguments, name, None)
        if value is not None and value < smallest:
            flag = "--" + name.replace("_", "-")
            raise UserError(f"{flag} is {value}, it must be at least {smallest}")


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add --data."""
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")


def add_experiment_arguments(parser: argparse.ArgumentParser, work: Path, work_help: str) -> None:
    """Add --config, --data, --out and --work, whose default is `work`."""
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="one experiment, as TOML")
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives models, metrics, plots")
    parser.add_argument("--work", type=Path, default=work, help=work_help)


def run_experiment_command(
    arguments: argparse.Namespace, read: Callable[[Path], Any], run: Callable[[Any, Path, Path, Path], Any]
) -> int:
    """Read the experiment of --config, run it, and say where its report is; returns the exit status."""
    run(read(arguments.config), arguments.data, arguments.out, arguments.work)
    print(f"wrote {arguments.out / 'report.md'}")
    return 0


def quieten_tensorflow() -> None:
    """Let TensorFlow say errors only; to be called before Keras is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
