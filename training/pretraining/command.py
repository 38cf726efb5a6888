"""Pretrain a network on other sounds, then teach it yours.

Without labels (contrast: two views of one second are drawn together) or with labels (words, or any others). With
--start the network goes on from an earlier one, its last layer replaced when it learns labels: first alone, then with
all others. So: words, then unlabelled cries, then labels. What is written, pretrained.keras, is a res8 for the next
step, and for cry-train infant-id --start.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.errors import UserError
from training.runs.command import add_data, quieten_tensorflow

CONTRAST, LABELS = "contrast", "labels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train pretrain`."""
    add_data(parser)
    parser.add_argument("--corpus", action="append", required=True, help="of metadata.csv; may be repeated")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives pretrained.keras")
    parser.add_argument("--method", choices=(CONTRAST, LABELS), default=CONTRAST, help="default: contrast")
    parser.add_argument("--start", type=Path, metavar="FILE", help="an earlier pretrained.keras to go on from")
    parser.add_argument(
        "--without-fold", type=int, choices=(1, 2, 3, 4), help="leave this eval_fold out and judge on it"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the labels that are learnt from (default: 1)")
    parser.add_argument("--per-label", type=int, default=0, help="clips of each group and label at most (0: all)")
    parser.add_argument("--size", default="res8-narrow", choices=("res8", "res8-narrow"))
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Pretrain and write the network; returns the exit status."""
    if not 0 < arguments.share <= 1:
        raise UserError(f"--share is {arguments.share}, it must be above 0 and at most 1")
    quieten_tensorflow()
    from training.pretraining.experiment import pretrain
    from training.pretraining.settings import Settings

    settings = Settings(size=arguments.size, epochs=arguments.epochs, seed=arguments.seed)
    report = pretrain(
        arguments.data,
        arguments.corpus,
        arguments.method == LABELS,
        settings,
        arguments.out,
        arguments.start,
        arguments.without_fold,
        arguments.share,
        arguments.per_label,
    )
    if "test" in report:
        print(f"unheard: macro-F1 {report['test']['macro_f1']:.3f}, UAR {report['test']['balanced_accuracy']:.3f}")
    (arguments.out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"wrote {arguments.out / 'pretrained.keras'}")
    return 0
