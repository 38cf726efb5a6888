"""`cry-train`: trains what ships, and what is evaluated."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from edge.errors import UserError
from edge.guarded import guarded

DEFAULT_DECISION = {"open_threshold": 0.6, "close_threshold": 0.4}  # a first guess


def main(argv: list[str] | None = None) -> int:
    """Run one command of cry-train; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="cry-train",
        description="Trains the models of cry-monitor. KERAS_BACKEND=torch, where PyTorch is, is faster.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    detector = commands.add_parser("detector", help="train the cry detector", description=detector_command.__doc__)
    detector.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    detector.add_argument("--teacher", type=Path, metavar="FILE", help="yamnet.tflite, to distil from")
    detector.add_argument("--fold", type=int, choices=(1, 2, 3, 4), help="hold out this eval_fold; without it, none")
    detector.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives detector.keras, model.json")
    detector.add_argument("--work", type=Path, default=Path("results/detector"), help="caches, checkpoints")
    detector.add_argument(
        "--decision",
        type=Path,
        metavar="FILE",
        help="result of benchmarks.detection.detection_nights, which chose the thresholds "
        "(default: open at 0.6, close at 0.4)",
    )
    detector.add_argument("--metrics", type=Path, metavar="FILE", help="a result of benchmarks/ to state in model.json")
    detector.add_argument("--rounds", type=int, help="rounds of training (default: the schedule's)")
    detector.add_argument("--seed", type=int, default=0)
    detector.set_defaults(run=detector_command)
    calibration = commands.add_parser("calibration", help="draw calibration_data/ from the recordings")
    calibration.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    calibration.add_argument("--out", type=Path, default=Path("calibration_data"))
    calibration.add_argument("--seed", type=int, default=0)
    calibration.set_defaults(run=calibration_command)
    causes = commands.add_parser("causes", help="train cause models by folds", description=causes_command.__doc__)
    causes.add_argument("--config", type=Path, required=True, metavar="FILE", help="one experiment, as TOML")
    causes.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    causes.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives models, metrics, plots")
    causes.add_argument("--work", type=Path, default=Path("results/causes"), help="features, kept for all experiments")
    causes.set_defaults(run=causes_command)
    transformer = commands.add_parser(
        "transformer", help="train denoiser and Transformer by folds", description=transformer_command.__doc__
    )
    transformer.add_argument("--config", type=Path, required=True, metavar="FILE", help="one experiment, as TOML")
    transformer.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    transformer.add_argument("--out", type=Path, required=True, metavar="DIR", help="receives models, metrics, plots")
    transformer.add_argument("--work", type=Path, default=Path("results/transformer"), help="frames, kept for others")
    transformer.set_defaults(run=transformer_command)
    corpora = commands.add_parser(
        "corpora", help="where to get cry corpora; import and verify them", description=corpora_command.__doc__
    )
    corpora.add_argument("action", nargs="?", choices=("list", "import", "verify"), default="list")
    corpora.add_argument("name", nargs="?", help="which corpus to import")
    corpora.add_argument("--data", type=Path, help="folder of the recordings; import writes metadata.csv into it")
    corpora.set_defaults(run=corpora_command)
    arguments = parser.parse_args(argv)
    return guarded(arguments.run, arguments, "cry-train")


def detector_command(arguments: argparse.Namespace) -> int:
    """Train the detector on every recording, or on all but one fold. Interrupted, it resumes where it was."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from training.detector.fitting import Schedule
    from training.detector.release import train_and_save

    rounds = {} if arguments.rounds is None else {"rounds": arguments.rounds}
    schedule = Schedule(seed=arguments.seed, **rounds)
    train_and_save(
        arguments.data,
        arguments.teacher,
        arguments.fold,
        schedule,
        arguments.work,
        arguments.out,
        read_decision(arguments.decision),
        read_metrics(arguments.metrics),
    )
    return 0


def read_decision(path: Path | None) -> dict[str, float]:
    """The thresholds that benchmarks.detection.detection_nights chose, or the default."""
    return DEFAULT_DECISION if path is None else read_result(path, "decision")


def read_metrics(path: Path | None) -> dict:
    """The rows of a benchmark's JSON result, and which file they are from."""
    if path is None:
        return {}
    rows = read_result(path, "rows")
    return {"from": path.as_posix(), "split": "4 folds of eval_fold, no group divided", "rows": rows}


def read_result(path: Path, key: str) -> dict:
    """One entry of a benchmark's JSON result. Raises UserError."""
    try:
        return json.loads(path.read_text())[key]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"cannot read {key} from {path} ({error}); name a JSON of benchmarks/results") from error


def calibration_command(arguments: argparse.Namespace) -> int:
    """Draw the feature tensors of calibration_data/ from the recordings."""
    from training.data.calibration_data import write_calibration_data

    write_calibration_data(arguments.data, arguments.out, arguments.seed)
    return 0


def causes_command(arguments: argparse.Namespace) -> int:
    """Train and judge a cause model on every fold and seed of an experiment. Interrupted, it resumes where it was."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from training.causes.config import read_experiment
    from training.causes.experiment import run_experiment

    experiment = read_experiment(arguments.config)
    run_experiment(experiment, arguments.data, arguments.out, arguments.work)
    print(f"wrote {arguments.out / 'report.md'}")
    return 0


def transformer_command(arguments: argparse.Namespace) -> int:
    """Train and judge a denoiser and a Transformer on every fold and seed of an experiment; interrupted, it resumes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from training.transformer.config import read_experiment
    from training.transformer.experiment import run_experiment

    experiment = read_experiment(arguments.config)
    run_experiment(experiment, arguments.data, arguments.out, arguments.work)
    print(f"wrote {arguments.out / 'report.md'}")
    return 0


def corpora_command(arguments: argparse.Namespace) -> int:
    """List where to get each corpus of cries; import one by its file names; verify a folder of recordings."""
    from training.data import cry_corpora

    if arguments.action == "list":
        lines = cry_corpora.listing()
    elif arguments.data is None:
        raise UserError(f"corpora {arguments.action} needs the folder of the recordings: name it with --data")
    elif arguments.action == "verify":
        lines = cry_corpora.verify(arguments.data)
    elif arguments.name is None:
        raise UserError(f"corpora import needs a corpus: {', '.join(cry_corpora.CORPORA)}")
    else:
        lines = cry_corpora.describe(cry_corpora.import_corpus(arguments.name, arguments.data))
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
