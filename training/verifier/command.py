"""Make the verifier from YAMNet.

Rebuild YAMNet in float from the weights of yamnet.tflite, keep the classes that the cascade weighs, and fit the cascade
on recordings, each heard by the detector of the fold that left it out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from training.runs.command import add_data, quieten_tensorflow
from training.runs.results import read_metrics, read_result

FIRST_DECISION = {"open_threshold": 0.85, "close_threshold": 0.4, "lasting_threshold": 0.4}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cry-train verifier`."""
    add_data(parser)
    parser.add_argument(
        "--also", type=Path, action="append", default=[], metavar="DIR", help="a further such folder; may be repeated"
    )
    parser.add_argument("--yamnet", type=Path, required=True, metavar="FILE", help="yamnet.tflite")
    parser.add_argument(
        "--detectors",
        type=Path,
        default=Path("benchmarks/detection/detector_folds"),
        metavar="DIR",
        help="bundles fold1 to fold4, each of a detector that never heard its fold",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives verifier.keras, model.json")
    parser.add_argument("--work", type=Path, default=Path("results/verifier"), help="what was heard, kept")
    parser.add_argument(
        "--decision",
        type=Path,
        metavar="FILE",
        help="result of benchmarks.detection.detection_nights (default: a guess)",
    )
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="a result of benchmarks/ to state in model.json")


def run(arguments: argparse.Namespace) -> int:
    """Make the verifier; returns the exit status."""
    decision = FIRST_DECISION
    if arguments.decision is not None:
        decision = read_result(arguments.decision, "cascade_decision")
    metrics = read_metrics(arguments.metrics)
    quieten_tensorflow()
    from training.verifier.release import make_verifier

    make_verifier(
        [arguments.data, *arguments.also],
        arguments.yamnet,
        arguments.detectors,
        decision,
        metrics,
        arguments.work,
        arguments.out,
    )
    return 0
