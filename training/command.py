"""`cry-train`: trains what ships, and what is evaluated."""

from __future__ import annotations

import importlib
import sys

from edge.arguments import Parser
from edge.guarded import guarded

# Subcommand -> its module, which has a docstring, add_arguments(parser) and run(arguments) -> exit status, and which
# loads what trains only when it runs.
COMMANDS = {
    "detector": "training.detector.command",
    "verifier": "training.verifier.command",
    "causes": "training.causes.command",
    "transformer": "training.transformer.command",
    "compress": "training.compression.command",
    "federate": "training.federated.command",
    "infant-id": "training.infant_id.command",
    "adapt": "training.adaptation.command",
    "pretrain": "training.pretraining.command",
    "corpora": "training.data.corpora_command",
    "calibration": "training.data.calibration_command",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command of cry-train; returns the exit status."""
    parser = Parser(
        prog="cry-train",
        description="Trains the models of cry-monitor. KERAS_BACKEND=torch, where PyTorch is, is faster.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module_name in COMMANDS.items():
        module = importlib.import_module(module_name)
        summary, _, more = (module.__doc__ or "").partition("\n\n")
        command = commands.add_parser(name, help=summary.rstrip(".\n"), description=more.strip() or summary)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    arguments = parser.parse_args(argv)
    return guarded(arguments.run, arguments, "cry-train")


if __name__ == "__main__":
    sys.exit(main())
