"""Is it the same infant? Verification on recordings you hold.

Teaches an embedding on some infants and measures on others how often two recordings are rightly taken for one infant
(equal error rate): by folds over the infants of --data, or on a list of pairs as CryCeleb gives it. --release also
writes DIR/model, an embedding that learnt from all of them, for edge-export. An embedding is biometric: keep it as you
keep the recordings.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from edge.errors import UserError
from training.runs.command import add_data, quieten_tensorflow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train infant-id`."""
    add_data(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives report.json")
    parser.add_argument("--corpus", action="append", default=[], help="of metadata.csv; may be repeated")
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="score these pairs: baby_id_B, baby_id_D, label")
    parser.add_argument("--folds", type=int, default=4, help="without --pairs (default: 4)")
    parser.add_argument("--release", action="store_true", help="write DIR/model for edge-export too, without --pairs")
    parser.add_argument("--leave-out-single", action="store_true", help="leave out infants with one clip or period")
    parser.add_argument("--size", default="res8-narrow", choices=("res8", "res8-narrow"))
    parser.add_argument("--start", type=Path, metavar="FILE", help="a res8 of cry-train pretrain to begin with")
    parser.add_argument("--epochs", type=int, default=30, help="default: 30")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Measure and write the report; returns the exit status."""
    if arguments.release and arguments.pairs is not None:
        raise UserError("--release is for folds, whose error it says: leave out --pairs")
    quieten_tensorflow()
    from training.infant_id.experiment import choose, run_folds, run_pairs
    from training.infant_id.fitting import Settings
    from training.layers.res8 import load_res8

    clips = choose(arguments.data, arguments.corpus)
    settings = Settings(size=arguments.size, epochs=arguments.epochs, seed=arguments.seed)
    start = load_res8(arguments.start) if arguments.start else None
    if arguments.pairs is not None:
        report = run_pairs(clips, settings, arguments.pairs, arguments.out, start)
        print(f"{report['pairs']} pairs scored" + ("" if report["eer"] is None else f", EER {report['eer']:.1%}"))
    else:
        single, out = arguments.leave_out_single, arguments.out
        report = run_folds(clips, settings, arguments.folds, single, out, start, arguments.release)
        own = report["all"]
        print(f"EER {own['eer']:.1%} ({own['low']:.1%} to {own['high']:.1%}), chance {own['chance'][1]:.1%}")
    print(f"wrote {arguments.out / 'report.json'}")
    return 0
