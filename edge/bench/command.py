"""`edge-bench`: how long each stage takes on this machine, against the frame budget."""

import argparse
import json
import sys

from edge import __version__
from edge.arguments import Parser, add_bundle, add_configuration, path_name
from edge.bench import model_file, text
from edge.bench import result as results
from edge.bench.baseline import compare, differences, machine_ratios, read_baseline, yardstick_ratio
from edge.bench.material import material
from edge.bench.operators import write_table
from edge.bench.page import page
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.bundle.trial import load_tried
from edge.config import load_settings
from edge.errors import UserError
from edge.guarded import guarded
from edge.runtime.private_memory import keep_private
from edge.timings import FRAME_BUDGET_S

SHORTEST_S, LONGEST_S = 10.0, 3600.0  # an hour is 230 MB of samples
LONGEST_SOAK_H = 1000.0

DESCRIPTION = """Run the monitor's own path over a recording, or a synthesised night, as quickly as it goes,
and print what each stage of it took in a quiet room, while the detector listens and while a baby cries, with the
state of the board. Exit status 1 when the 99th percentile of a frame is over the budget, or when a stage is slower
than the baseline by more than its noise. The JSON is described in docs/schemas/bench.schema.json."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of edge-bench."""
    parser = Parser(prog="edge-bench", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version="edge-bench " + __version__)
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=path_name,
        help="time this .tflite or .onnx file alone, without a bundle",
    )
    parser.add_argument("--runs", metavar="N", type=int, default=200, help="inferences of FILE (default: 200)")
    parser.add_argument("--operators", action="store_true", help="what each operator and layer of FILE takes")
    parser.add_argument(
        "--tensorrt",
        metavar="PRECISION",
        choices=("fp16", "int8", "fp32"),
        help="run FILE.onnx in TensorRT, in fp16, int8 or fp32, and tell its transfers and its computing apart",
    )
    parser.add_argument("--csv", metavar="OUT", type=path_name, help="write the operators as a table")
    parser.add_argument("--trace", metavar="OUT", type=path_name, help="write the profile as a Chrome trace")
    add_configuration(parser)
    add_bundle(parser)
    parser.add_argument(
        "--input", metavar="FILE", type=path_name, help="a recording of any rate (default: a synthesised night)"
    )
    parser.add_argument(
        "--seconds",
        metavar="N",
        type=float,
        default=60.0,
        help="length of the night, or the most that is taken of --input (default: 60)",
    )
    parser.add_argument("--threads", metavar="N", type=int, help="of the engine (default: the configuration's, else 1)")
    parser.add_argument(
        "--budget-ms",
        metavar="MS",
        type=float,
        help="for one frame (default: the configuration's, else {:g})".format(1000 * FRAME_BUDGET_S),
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--html", metavar="FILE", type=path_name, help="write a page with the distribution of every stage"
    )
    parser.add_argument("--baseline", metavar="FILE", type=path_name, help="an earlier --json to compare with")
    parser.add_argument(
        "--soak",
        metavar="HOURS",
        type=float,
        help="play the audio at real-time pace again and again for so long, or until Ctrl-C: "
        "p99, memory and temperature over time",
    )
    return parser


def main(argv=None) -> int:
    """Run edge-bench; returns the exit status. Wrong usage raises SystemExit(2)."""
    args = make_parser().parse_args(argv)
    return guarded(run if args.file is None else run_file, args, "edge-bench")


def run_file(args) -> int:
    """Measure one model file and print. Raises UserError."""
    check(args)
    threads, wants_operators = args.threads or 1, args.operators or args.csv or args.trace
    if not 1 <= args.runs <= model_file.MOST_RUNS:
        raise UserError("--runs is {}: use 1 to {}".format(args.runs, model_file.MOST_RUNS))
    profile = model_file.profile_file(args.file, threads, args.runs) if wants_operators else None
    result = model_file.measure_file(args.file, threads, args.runs, args.tensorrt)
    if profile is not None:
        model_file.add_profile(result, profile)
        if args.csv:
            write_or_say("--csv", args.csv, lambda: write_table(args.csv, profile.operators))
        if args.trace:
            write("--trace", args.trace, json.dumps(profile.trace))
    print(json.dumps(result) if args.json else "\n".join(model_file.report(result)))
    return 0


def run(args) -> int:
    """Measure and print; 1 when over budget or slower than the baseline."""
    check(args)
    keep_private()
    settings = settings_of(args)
    baseline = read_baseline(args.baseline) if args.baseline else None
    if args.html:
        write("--html", args.html, "")  # said now, not after the run
    bundle = load_tried(settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings.detector.threads)
    recording = material(args.input, args.seconds)
    if args.soak is None:
        result, passes = results.run(bundle, settings, recording, settings.detector.threads, args.seconds)
    else:
        result, passes = results.run_soak(
            bundle,
            settings,
            recording,
            settings.detector.threads,
            args.seconds,
            args.soak,
            say=(lambda line: None) if args.json else lambda line: print(line, flush=True),
        )
    changes = compare(baseline, result) if baseline else []
    if baseline:
        result["baseline"] = {
            "differences": differences(baseline, result),
            "machine_ratios": machine_ratios(baseline, result),
            "yardstick_ratio": yardstick_ratio(baseline, result),
            "changes": [dict(change._asdict()) for change in changes],
        }
    if args.html:
        write("--html", args.html, page(result, passes))
    if args.json:
        print(json.dumps(result))
    else:
        print("\n".join(text.report(result)))
        if baseline:
            print("\n".join(text.comparison(changes, result["baseline"])))
    is_slower = any(change.is_regression for change in changes)
    return 1 if is_slower or result["stages"][-1]["p99_ms"] > settings.budget.frame_ms else 0


def settings_of(args):
    """The configuration, but for what flags say. Raises UserError."""
    settings = load_settings(args.config)
    bundle, threads = args.bundle or settings.detector.bundle, args.threads or settings.detector.threads
    budget_ms = settings.budget.frame_ms if args.budget_ms is None else args.budget_ms
    return settings._replace(
        detector=settings.detector._replace(bundle=bundle, threads=threads),
        budget=settings.budget._replace(frame_ms=budget_ms),
    )


def check(args):
    """Refuse what cannot work. Raises UserError."""
    if not SHORTEST_S <= args.seconds <= LONGEST_S:
        raise UserError("--seconds is {:g}: use {:g} to {:g}".format(args.seconds, SHORTEST_S, LONGEST_S))
    if args.threads is not None and not 1 <= args.threads <= 16:
        raise UserError("--threads is {}: use 1 to 16".format(args.threads))
    if args.budget_ms is not None and not args.budget_ms > 0:
        raise UserError("--budget-ms is {:g}: use more than 0".format(args.budget_ms))
    if args.soak is not None and not 0 < args.soak <= LONGEST_SOAK_H:
        raise UserError("--soak is {:g}: use more than 0 and at most {:g} hours".format(args.soak, LONGEST_SOAK_H))
    if args.soak is not None and args.baseline:
        raise UserError("--baseline compares rounds, and --soak {:g} has none: give one of the two".format(args.soak))


def write(flag, path, content):
    """Write a file of text that a flag names. Raises UserError."""

    def write_text():
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)

    write_or_say(flag, path, write_text)


def write_or_say(flag, path, action):
    """Do what writes a file that a flag names. Raises UserError when it cannot be written."""
    try:
        action()
    except OSError as error:
        raise UserError(
            "{} {}: cannot be written ({}): give another place".format(flag, path, error.strerror)
        ) from error


if __name__ == "__main__":
    sys.exit(main())
