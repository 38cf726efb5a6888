"""Let homes learn together.

Run a federation: homes keep their recordings, and send updates of a small part of a model, each hidden among the
others'. Interrupted, it goes on where it was; the result is a model that edge-export takes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.errors import UserError
from training.runs.command import quieten_tensorflow

SIMULATION, DEPLOYMENT = "simulation", "deployment"
WAIT_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train federate`."""
    parser.add_argument(
        "--engine",
        choices=(SIMULATION, DEPLOYMENT),
        default=SIMULATION,
        help="simulation (default): every home in this process; deployment: over a network, by Flower",
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="one federation, as TOML")
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of metadata.csv and the recordings")
    parser.add_argument("--out", type=Path, metavar="DIR", help="receives model/ and what it goes on from")
    parser.add_argument("--work", type=Path, default=Path("results/federated"), help="features, kept for others")
    parser.add_argument(
        "--superlink", default="127.0.0.1:8000", metavar="HOST:PORT", help="deployment: where it listens"
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="deployment: of the SuperLink's authority")
    parser.add_argument("--roster", type=Path, metavar="FILE", help="deployment: every home's public key, JSON")
    parser.add_argument("--wait-s", type=float, default=WAIT_S, help="deployment: for homes that are not there yet")
    parser.add_argument("--new-identity", type=Path, metavar="FILE", help="make a home's key, print its public part")


def run(arguments: argparse.Namespace) -> int:
    """Run the federation; returns the exit status."""
    if arguments.new_identity is not None:
        from training.federated.roster import new_identity

        print(new_identity(arguments.new_identity).public.hex())
        return 0
    if arguments.config is None or arguments.out is None:
        raise UserError("a federation needs --config FILE and --out DIR")
    if arguments.engine == DEPLOYMENT:
        deployed(arguments)
    else:
        simulated(arguments)
    print(f"wrote {arguments.out / 'model'}")
    return 0


def simulated(arguments: argparse.Namespace) -> None:
    """Every home in this process."""
    quieten_tensorflow()
    from training.federated.config import read_federation
    from training.federated.loop import only_one
    from training.federated.simulation import simulate
    from training.federated.task import make_task

    federation = read_federation(arguments.config)
    task = make_task(federation.task, federation.partition, federation.plan, arguments.data, arguments.work)
    arguments.out.mkdir(parents=True, exist_ok=True)
    with only_one(arguments.out):
        simulate(federation, task, arguments.out)


def deployed(arguments: argparse.Namespace) -> None:
    """Over a network."""
    from training.federated.config import read_federation
    from training.federated.deployment import deploy
    from training.federated.roster import read_roster

    if arguments.roster is None or arguments.certificate is None:
        raise UserError("--engine deployment needs --roster FILE and --certificate FILE")
    read_federation(arguments.config)
    read_roster(arguments.roster)
    deploy(
        arguments.config, arguments.roster, arguments.superlink, arguments.certificate, arguments.out, arguments.wait_s
    )
