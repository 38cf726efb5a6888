"""`cry-train`: trains what ships, and what is evaluated."""

from __future__ import annotations

import argparse
import importlib
import sys

from edge.arguments import Parser
from edge.guarded import INTERRUPTED, guarded
from training.runs.command import check_counts

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


RESUMES = (
    "Interrupted, by Ctrl-C or a cut, give the same command again: what was prepared and every finished {} are kept, "
    "in {}, and it goes on from there."
)
AGAIN = "Interrupted, give the same command again: it is soon done, and begins anew."
# Where a command keeps what it goes on from, and how often it does; None: it begins anew.
KEEPS = {
    "detector": ("round", "--work"),
    "verifier": ("part of the recordings", "--work"),
    "causes": ("epoch, fold and seed", "--out and --work"),
    "transformer": ("epoch, stage, fold and seed", "--out and --work"),
    "compress": ("epoch", "--work"),
    "federate": ("round", "--out"),
    "infant-id": ("epoch and fold", "--out"),
    "pretrain": ("epoch", "--out"),
    "adapt": ("method", "--out"),
    "corpora": None,
    "calibration": None,
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
        command = commands.add_parser(
            name, help=summary.rstrip(".\n"), description=more.strip() or summary, epilog=how_to_resume(name)
        )
        module.add_arguments(command)
        say_defaults(command)
        command.set_defaults(run=module.run, command=name)
    arguments = parser.parse_args(argv)
    status = guarded(checked_and_run, arguments, "cry-train")
    if status == INTERRUPTED:
        print(f"cry-train: {how_to_resume(arguments.command)}", file=sys.stderr)
    return status


def checked_and_run(arguments: argparse.Namespace) -> int:
    """Run a command whose counts have a sense; returns the exit status."""
    check_counts(arguments)
    return arguments.run(arguments)


def how_to_resume(name: str) -> str:
    """What to do when a command is interrupted."""
    kept = KEEPS[name]
    return AGAIN if kept is None else RESUMES.format(*kept)


def say_defaults(command: argparse.ArgumentParser) -> None:
    """Let the help of every flag that has a default tell it."""
    for action in command._actions:
        if any(action.default is nothing for nothing in (None, False, argparse.SUPPRESS)) or action.default == []:
            continue
        if action.help is None:
            action.help = "default: %(default)s"
        elif "default" not in action.help:
            action.help += " (default: %(default)s)"


if __name__ == "__main__":
    sys.exit(main())
