"""Train the cry detector.

Train the detector on every recording, or on all but one fold or corpus. Interrupted, it resumes where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.data.corpora import FOLDS
from training.detector.config import DEFAULT_DECISION, Schedule
from training.runs.command import add_data, quieten_tensorflow
from training.runs.results import read_metrics, read_result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train detector`."""
    add_data(parser)
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="DIR", help="a further such folder; may be repeated"
    )
    parser.add_argument(
        "--without",
        action="append",
        default=[],
        metavar="CORPUS",
        help="hold out a whole corpus, by its name in metadata.csv; may be repeated",
    )
    parser.add_argument("--teacher", type=Path, metavar="FILE", help="yamnet.tflite, to distil from")
    parser.add_argument("--fold", type=int, choices=FOLDS, help="hold out this eval_fold; without it, none")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives detector.keras, model.json")
    parser.add_argument("--work", type=Path, default=Path("results/detector"), help="caches, checkpoints")
    parser.add_argument(
        "--decision",
        type=Path,
        metavar="FILE",
        help="result of benchmarks.detection.detection_nights, which chose the thresholds "
        "(default: open at 0.6, close at 0.4)",
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="a result of benchmarks/ to state in model.json")
    parser.add_argument("--rounds", type=int, help=f"rounds of training (default: {Schedule().rounds})")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> int:
    """Train and write the model; returns the exit status."""
    decision, metrics = read_decision(arguments.decision), read_metrics(arguments.metrics)
    rounds = {} if arguments.rounds is None else {"rounds": arguments.rounds}
    schedule = Schedule(seed=arguments.seed, **rounds)
    quieten_tensorflow()
    from training.detector.release import HeldOut, train_and_save

    train_and_save(
        [arguments.data, *arguments.also],
        arguments.teacher,
        HeldOut(arguments.fold, tuple(sorted(set(arguments.without)))),
        schedule,
        arguments.work,
        arguments.out,
        decision,
        metrics,
    )
    return 0


def read_decision(path: Path | None) -> dict[str, float]:
    """The thresholds that benchmarks.detection.detection_nights chose, or the default."""
    return DEFAULT_DECISION if path is None else read_result(path, "decision")
