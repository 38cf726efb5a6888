"""`cry-monitor analyze`: the daemon's pipeline over recordings."""

import time

from edge.audio import open_source
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.commands.lines import print_object, printable, record_object, record_text
from edge.errors import UserError, print_error
from edge.frames import SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Event, Frame
from edge.store import Store

DESCRIPTION = """Analyse recordings (WAV, FLAC, OGG; any rate, any number of channels) as the daemon would.
Prints a line when crying begins, one for each event, and a summary for each file. Times are seconds
from the start of the file. A file that cannot be read is named on stderr, the others are still analysed,
and the exit status is 1. The JSON lines are described in docs/schemas/analyze.schema.json."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("analyze", help="find cries in recordings", description=DESCRIPTION)
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a recording")
    parser.add_argument(
        "--bundle",
        metavar="DIR",
        default=DEFAULT_BUNDLE_DIR,
        help="directory of the models (default: the bundle that ships)",
    )
    parser.add_argument(
        "--db",
        metavar="FILE",
        help="also write the events to this database, dated as if the recording began now (default: none is written)",
    )
    parser.add_argument("--frames", action="store_true", help="also print every frame, five a second")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Analyse every file; 1 when one could not be read to its end."""
    bundle = load_bundle(args.bundle)
    bundle.warm_up()
    store = Store(args.db) if args.db else None
    try:
        results = [_analyze_or_say(path, bundle, store, args) for path in args.paths]
    finally:
        if store:
            store.close()
    return 0 if all(results) else 1


def _analyze_or_say(path, bundle, store, args):
    try:
        _Analysis(path, store, args).run(bundle)
        return True
    except UserError as error:
        print_error(str(error))
        return False


class _Analysis:
    """One recording on its way through the pipeline; prints each record as it comes, then the summary."""

    def __init__(self, path, store, args):
        self._path = path
        self._name = printable(path)
        self._store = store
        self._args = args
        self._origin_utc = time.time()
        self._heard_samples = 0
        self._frames = 0
        self._events = []

    def run(self, bundle):
        """Raises UserError when the file cannot be read to its end, after saying all of what came before."""
        started = time.perf_counter()
        with open_source("file:" + self._path) as source:
            pipeline = Pipeline(bundle)
            try:
                for block in source.blocks():
                    self._heard_samples += len(block)
                    self._take(pipeline.push(block))
            finally:
                self._take(pipeline.finish())
                self._print_summary(time.perf_counter() - started)

    def _take(self, records):
        for record in records:
            if isinstance(record, Event):
                self._events.append(record)
                if self._store:
                    self._store.add_event(record, self._origin_utc + record.start_s, self._name)
            if isinstance(record, Frame):
                self._frames += 1
                if not self._args.frames:
                    continue
            if self._args.json:
                print_object(record_object(record, file=self._name))
            else:
                print("{}: {}".format(self._name, record_text(record)))

    def _print_summary(self, elapsed_s):
        summary = {
            "type": "summary",
            "file": self._name,
            "duration_s": self._heard_samples / SAMPLE_RATE,
            "frames": self._frames,
            "events": len(self._events),
            "cry_seconds": round(sum(event.end_s - event.start_s for event in self._events), 3),
            "realtime_factor": self._heard_samples / SAMPLE_RATE / elapsed_s,
        }
        if self._args.json:
            print_object(summary)
        else:
            print(
                "{}: {duration_s:.1f} s, {frames} frames, {events} events, {cry_seconds:.1f} s of crying, "
                "{realtime_factor:.0f} times real time".format(self._name, **summary)
            )
