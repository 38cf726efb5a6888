"""Make a trained model smaller by tensor trains.

The kernels of a trained model's dense, pointwise and recurrent layers become tensor trains, nearest to them by singular
values; with --data the small model then learns to answer what the large one answers. What is written is a model like
any other: edge-export takes it. To learn with tensor trains from the start, see the heads tt_lstm and tt_gru of
cry-train causes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import quieten_tensorflow

GATES = ("concatenated", "separate", "gate_core")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train compress`."""
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="a trained model and its model.json")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives model.keras, model.json")
    parser.add_argument("--cores", type=int, default=3, help="of each tensor train (default: 3)")
    parser.add_argument("--rank", type=int, default=2, help="between cores (default: 2)")
    parser.add_argument("--gates", choices=GATES, default=GATES[0], help="how a recurrent layer's gates are held")
    parser.add_argument("--layer", action="append", default=[], metavar="NAME", help="compress these layers only")
    parser.add_argument("--rows", type=factors, default=(), metavar="6x8x10", help="factors of one --layer's inputs")
    parser.add_argument("--columns", type=factors, default=(), metavar="4x8x8", help="and of its outputs")
    parser.add_argument("--dense", action="store_true", help="write dense kernels, made of the cores")
    parser.add_argument("--data", type=Path, help="folder of metadata.csv and recordings, to learn on")
    parser.add_argument("--corpus", action="append", default=[], help="learn on this one; may be repeated")
    parser.add_argument("--fold", type=int, default=1, choices=(1, 2, 3, 4), help="eval_fold that is compared on")
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")
    parser.add_argument("--learning-rate", type=float, default=3e-3, help="default: 0.003")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("results/compress"), help="what a cut training goes on from")


def factors(text: str) -> tuple[int, ...]:
    """6x8x10 as numbers."""
    try:
        return tuple(int(factor) for factor in text.split("x"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"is {text!r}, it must be whole numbers like 6x8x10") from error


def run(arguments: argparse.Namespace) -> int:
    """Compress and write the model; returns the exit status."""
    quieten_tensorflow()
    from training.compression.compressed import Taught, compress
    from training.compression.tensorised import Recipe

    layers, rows, columns = tuple(arguments.layer), arguments.rows, arguments.columns
    recipe = Recipe(arguments.cores, arguments.rank, arguments.gates, layers, rows, columns)
    taught = None
    if arguments.data is not None:
        effort = (arguments.epochs, arguments.learning_rate, arguments.seed, arguments.work)
        taught = Taught(arguments.data, arguments.corpus, arguments.fold, *effort)
    report = compress(arguments.model, recipe, arguments.out, arguments.dense, taught)
    large, small = report["parameters"]
    print(f"{large} parameters became {small}, {large / small:.1f} times fewer")
    if taught is not None:
        before, after = report["before"], report["after"]
        print(
            f"same label as before: {before['agreement']:.1%} by singular values, "
            f"{after['agreement']:.1%} after it learnt"
        )
    print(f"wrote {arguments.out}")
    return 0
