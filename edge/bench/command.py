"""`edge-bench`: how long each stage takes on this machine, against the frame budget."""

import argparse
import json
import sys

from edge import __version__
from edge.audio import SAMPLE_RATE, read_file
from edge.bench.timings import FRAME_BUDGET_S, FRAME_STAGE, format_table
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.commands.main import guarded
from edge.config import load_settings
from edge.errors import UserError
from edge.pipeline import Pipeline
from edge.synthesis import nursery_night

BLOCK = SAMPLE_RATE // 20  # samples: what a microphone delivers at once
SHORTEST_S, LONGEST_S = 10.0, 3600.0  # an hour is 230 MB of samples

DESCRIPTION = """Run the monitor's own path over a recording, or a synthesised night, as quickly as it goes,
and print what each stage of it took. Exit status 1 when the 99th percentile of a frame is over the budget.
The JSON is described in docs/schemas/bench.schema.json."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of edge-bench."""
    parser = argparse.ArgumentParser(prog="edge-bench", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version="edge-bench " + __version__)
    parser.add_argument("--bundle", metavar="DIR", default=DEFAULT_BUNDLE_DIR,
                        help="directory of the models (default: the bundle that ships)")
    parser.add_argument("--input", metavar="FILE", help="a recording (default: a synthesised night)")
    parser.add_argument("--seconds", metavar="N", type=float, default=60.0,
                        help="length of the night, or the most that is taken of --input (default: 60)")
    parser.add_argument("--threads", metavar="N", type=int, default=1, help="of the engine (default: 1)")
    parser.add_argument("--budget-ms", metavar="MS", type=float, default=1000 * FRAME_BUDGET_S,
                        help="for one frame (default: %(default)g)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def main(argv=None) -> int:
    """Run edge-bench; returns the exit status. Wrong usage raises SystemExit(2)."""
    return guarded(run, make_parser().parse_args(argv), "edge-bench")


def run(args) -> int:
    """Measure and print; 1 when over budget."""
    if not SHORTEST_S <= args.seconds <= LONGEST_S:
        raise UserError("--seconds is {:g}: use {:g} to {:g}".format(args.seconds, SHORTEST_S, LONGEST_S))
    if not 1 <= args.threads <= 16:
        raise UserError("--threads is {}: use 1 to 16".format(args.threads))
    if not args.budget_ms > 0:
        raise UserError("--budget-ms is {:g}: use more than 0".format(args.budget_ms))
    bundle = load_bundle(args.bundle, args.threads)
    samples = _samples(args)
    timings = measure(bundle, samples, args.budget_ms)
    if not any(row.stage == FRAME_STAGE for row in timings.table()):
        raise UserError("{} is shorter than one frame (1 s): give a longer recording".format(args.input))
    frame = timings.row(FRAME_STAGE)
    if args.json:
        print(json.dumps(_object(bundle, samples, args, timings)))
    else:
        print("{}, bundle {} {}, threads {}, {:.0f} s of audio".format(
            bundle.detector.engine_name, bundle.name, bundle.version, args.threads,
            len(samples) / SAMPLE_RATE))
        print(format_table(timings))
    return 0 if frame.p99_ms <= args.budget_ms else 1


def measure(bundle, samples, budget_ms):
    """Run the pipeline over 1-D float32 samples at 16 kHz with a warm engine: its StageTimings."""
    bundle.warm_up()
    settings = load_settings(None)
    pipeline = Pipeline(bundle, settings._replace(budget=settings.budget._replace(frame_ms=budget_ms)))
    for begin in range(0, len(samples), BLOCK):
        pipeline.push(samples[begin:begin + BLOCK])
    return pipeline.timings


def _samples(args):
    if args.input is None:
        return nursery_night(args.seconds, seed=1).samples
    return read_file(args.input)[:int(args.seconds * SAMPLE_RATE)]


def _object(bundle, samples, args, timings):
    return {
        "engine": bundle.detector.engine_name,
        "bundle": "{} {}".format(bundle.name, bundle.version),
        "threads": args.threads,
        "audio_s": len(samples) / SAMPLE_RATE,
        "budget_ms": args.budget_ms,
        "stages": [row._asdict() for row in timings.table()],
        "missed_deadlines": timings.missed_deadlines,
    }


if __name__ == "__main__":
    sys.exit(main())
