"""`cry-monitor analyze`: the daemon's pipeline over recordings."""

import time

from edge.arguments import add_bundle, add_configuration, path_name
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.bundle.trial import check_and_try
from edge.commands.analysis_pool import Work, analyse_all, most_jobs
from edge.commands.lines import clock, print_line, print_object, record_text
from edge.commands.notes import print_note, print_notes
from edge.commands.progress import ProgressLine
from edge.commands.recording import Heard, Noticed, Summary, analyse
from edge.config import load_settings
from edge.errors import UserError, print_error
from edge.records import Event, Frame
from edge.runtime.private_memory import keep_private
from edge.sinks.words import record_object
from edge.store import Store
from edge.text import text_of

DESCRIPTION = """Analyse recordings (WAV, FLAC, OGG; any rate, any number of channels) as the daemon would.
Prints a line when crying begins, one for each event, and a summary for each file. Times are seconds
from the start of the file. A file that cannot be read is named on stderr, the others are still analysed,
and the exit status is 1. The JSON lines are described in docs/schemas/analyze.schema.json."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("analyze", help="find cries in recordings", description=DESCRIPTION)
    parser.add_argument("paths", metavar="PATH", type=path_name, nargs="+", help="a recording")
    add_configuration(parser)
    add_bundle(parser)
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=path_name,
        help="also write the events to this database, dated as if the recording began now (default: none is written)",
    )
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=int,
        default=1,
        help="recordings that are analysed at once, each by a process of its own (default: 1)",
    )
    parser.add_argument("--frames", action="store_true", help="also print every frame, five a second")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Analyse every file; 1 when one could not be read to its end."""
    if not 1 <= args.jobs <= most_jobs():
        raise UserError(
            "--jobs is {}: use 1 to {}, twice the number of this machine's cores".format(args.jobs, most_jobs())
        )
    keep_private()
    settings = load_settings(args.config)
    directory = args.bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR
    check_and_try(directory, settings.detector.threads)
    store = Store(args.db) if args.db else None
    try:
        printer = Printer(args, store)
        if args.jobs == 1 or len(args.paths) == 1:
            bundle = load_bundle(directory, settings.detector.threads)
            bundle.warm_up()
            print_notes(bundle, settings)
            return one_after_the_other(args.paths, bundle, settings, printer)
        return several_at_once(args, directory, settings, printer)
    finally:
        if store:
            store.close()


def one_after_the_other(paths, bundle, settings, printer) -> int:
    """Analyse and print as it is heard; the exit status."""
    status = 0
    for path in paths:
        printer.begin(path)
        try:
            for record in analyse(path, bundle, settings):
                printer.take(record)
        except UserError as error:
            printer.problem(str(error))
            status = 1
    printer.end()
    return status


def several_at_once(args, directory, settings, printer) -> int:
    """Analyse in processes, print recording by recording; the exit status."""
    status = 0
    printer.progress()
    analysed = analyse_all(args.paths, args.jobs, Work(directory, settings, args.frames))
    try:
        for path, (records, problem) in zip(args.paths, analysed):
            printer.begin(path)
            for record in records:
                printer.take(record)
            if problem is not None:
                printer.problem(problem)
                status = 1
    finally:
        analysed.close()
    printer.end()
    return status


class Printer(object):
    """Prints the records of one recording after the other, stores its events, and says how far it is."""

    def __init__(self, args, store):
        self._args = args
        self._store = store
        self._line = ProgressLine()
        self._n_begun = 0
        self._started_s = time.monotonic()
        self._done_s = 0.0  # of audio, in recordings that are done

    def begin(self, path):
        """The next recording."""
        self._name = text_of(path)
        self._origin_utc = time.time()
        self._n_begun += 1

    def take(self, record):
        """Print a record; of a Heard, only how far it is."""
        if isinstance(record, Heard):
            self.progress(record.duration_s)
            return
        if isinstance(record, Noticed):
            self._line.clear()
            print_note("{}: {}".format(self._name, record.text))
            return
        if isinstance(record, Summary):
            self._done_s += record.duration_s
        if isinstance(record, Event) and self._store:
            self._store.add_event(record, self._origin_utc + record.start_s, self._name)
        if isinstance(record, Frame) and not self._args.frames:
            return
        self._line.clear()
        if self._args.json:
            print_object(summary_object(record, self._name) if isinstance(record, Summary) else self._object(record))
        else:
            text = summary_text(record) if isinstance(record, Summary) else record_text(record)
            print_line("{}: {}".format(self._name, text))

    def problem(self, text):
        """A recording could not be read to its end."""
        self._line.clear()
        print_error(text)

    def progress(self, heard_s=0.0):
        """Say how far it is. heard_s: of the recording that goes on."""
        audio_s = self._done_s + heard_s
        speedup = audio_s / max(1e-3, time.monotonic() - self._started_s)
        self._line.show(
            "recording {} of {}, {} heard, {:.0f} times faster than real time".format(
                max(1, self._n_begun), len(self._args.paths), clock(audio_s), speedup
            )
        )

    def end(self):
        """Every recording is done."""
        self._line.clear()

    def _object(self, record):
        return record_object(record, file=self._name)


def summary_object(summary, name):
    """A Summary as a dict for JSON."""
    fields = {"type": "summary", "file": name}
    fields.update(summary._asdict())
    fields["realtime_factor"] = summary.speedup  # its name until 0.1, to go with the next release
    return fields


def summary_text(summary):
    """A Summary as one line for a person."""
    return (
        "{duration_s:.1f} s, {frames} frames, {events} events, {cry_seconds:.1f} s of crying, "
        "{speedup:.0f} times faster than real time".format(**summary._asdict())
    )
