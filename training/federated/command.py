"""Let homes learn together.

Run a federation: homes keep their recordings, and send updates of a small part of a model, each hidden among the
others'. Interrupted, it goes on where it was; the result is a model that edge-export takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import quieten_tensorflow

SIMULATION = "simulation"
ENGINES = (SIMULATION,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train federate`."""
    parser.add_argument(
        "--engine", choices=ENGINES, default=SIMULATION, help="simulation (default): every home in this process"
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="one federation, as TOML")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of metadata.csv and the recordings")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="receives model/ and what it goes on from"
    )
    parser.add_argument("--work", type=Path, default=Path("results/federated"), help="features, kept for others")


def run(arguments: argparse.Namespace) -> int:
    """Run the federation; returns the exit status."""
    quieten_tensorflow()
    from training.federated.config import read_federation
    from training.federated.simulation import simulate
    from training.federated.task import make_task

    federation = read_federation(arguments.config)
    task = make_task(federation.task, federation.partition, federation.plan, arguments.data, arguments.work)
    simulate(federation, task, arguments.out)
    print(f"wrote {arguments.out / 'model'}")
    return 0
