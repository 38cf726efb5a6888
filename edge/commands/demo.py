"""`cry-monitor demo`: a synthesised night through the daemon's own path, beside what was true."""

import os
import sys
import tempfile
import time
from typing import NamedTuple

import numpy as np

from edge.arguments import add_bundle, add_configuration, path_name
from edge.audio import Source
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.bundle.trial import load_tried
from edge.commands.lines import clock, print_line, record_text
from edge.commands.notes import print_notes
from edge.config import load_settings
from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.runtime.listener import Listener
from edge.runtime.private_memory import keep_private
from edge.sinks import Sink
from edge.store.buffered_store import BufferedStore
from edge.synthesis import nursery_night
from edge.timings import format_table

BLOCK = SAMPLE_RATE // 20  # samples: what a microphone delivers at once
SHORTEST_MINUTES, LONGEST_MINUTES = 1.0, 60.0  # an hour is 230 MB of samples


class SynthesisedSource(Source):
    """Samples in memory, block by block."""

    name = "synthesised night"

    def __init__(self, samples: np.ndarray):
        self._samples = samples

    def blocks(self):
        """Yield 1-D float32 blocks of 50 ms."""
        for begin in range(0, len(self._samples), BLOCK):
            yield self._samples[begin : begin + BLOCK]


class Match(NamedTuple):
    """Cries beside events."""

    found: list  # of (cry, the event that overlaps it longest or None)
    false: list  # events that overlap no cry


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "demo",
        help="listen to a synthesised night and compare with what was true",
        description="Synthesise a night in a nursery, run the monitor over it as `cry-monitor run` would, "
        "and print what was heard beside what was true. It shows that everything works, not how well real "
        "babies are heard.",
    )
    parser.add_argument(
        "--minutes",
        metavar="N",
        type=float,
        default=10.0,
        help="length of the night, {:g} to {:g} (default: 10)".format(SHORTEST_MINUTES, LONGEST_MINUTES),
    )
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="another number, another night (default: 1)")
    add_configuration(parser)
    add_bundle(parser)
    parser.add_argument(
        "--db", metavar="FILE", type=path_name, help="write the events there (default: a new temporary file)"
    )
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the night."""
    if not SHORTEST_MINUTES <= args.minutes <= LONGEST_MINUTES:
        raise UserError("--minutes is {:g}: use {:g} to {:g}".format(args.minutes, SHORTEST_MINUTES, LONGEST_MINUTES))
    if args.seed < 0:
        raise UserError("--seed is {}: use 0 or more".format(args.seed))
    keep_private()
    settings = load_settings(args.config)
    bundle = load_tried(args.bundle or settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings.detector.threads)
    path = args.db or os.path.join(tempfile.mkdtemp(prefix="cry-monitor-demo-"), "events.db")
    with BufferedStore(path, settings) as keeper:
        print("synthesising {:g} minutes of a night (seed {})".format(args.minutes, args.seed), flush=True)
        night = nursery_night(60 * args.minutes, args.seed)
        print_line("listening with {}, bundle {} {}".format(bundle.detector.engine_name, bundle.name, bundle.version))
        print()
        bundle.warm_up()
        print_notes(bundle, settings)
        events, listener, elapsed_s = listen(night.samples, bundle, settings, keeper)
    duration_s = len(night.samples) / SAMPLE_RATE
    print("\n" + night_table(night.truth, events))
    print("\n" + format_table(listener.pipeline.timings))
    print(
        "\n{:.0f} s of audio in {:.1f} s: {:.0f} times faster than real time".format(
            duration_s, elapsed_s, duration_s / elapsed_s
        )
    )
    print("the events are in {}; see them with\n  {} events --db {}".format(path, program(), path))
    return 0


def program():
    """How this command was called: `make demo` calls it by a path that is not on PATH."""
    return sys.argv[0] if os.path.basename(sys.argv[0]) == "cry-monitor" else "cry-monitor"


class Printer(Sink):
    """Alerts and events on the terminal."""

    name = "terminal"

    def __init__(self):
        self.events = []

    def alert(self, alert, at_utc):
        print_line(record_text(alert))

    def event(self, event, start_utc):
        print_line(record_text(event))
        self.events.append(event)


def listen(samples, bundle, settings, keeper):
    """Run the daemon's listener over 16-kHz samples, as a night that ends now, printing what it finds.

    Returns the events, the listener, and the seconds it took.
    """
    printer = Printer()
    origin_utc = time.time() - len(samples) / SAMPLE_RATE
    source = SynthesisedSource(samples)
    listener = Listener(bundle, settings, keeper, source, printer, origin_utc)
    started = time.perf_counter()
    for block in source.blocks():
        listener.push(block)
    listener.finish()
    return printer.events, listener, time.perf_counter() - started


def match(truth, events):
    """Match the truth's cries with events: a Match."""
    cries = [segment for segment in truth if segment.kind == "cry"]
    found = []
    for cry in cries:
        longest = max(events, key=lambda event: overlap_s(cry, event), default=None)
        is_found = longest is not None and overlap_s(cry, longest) > 0
        found.append((cry, longest if is_found else None))
    false = [event for event in events if all(overlap_s(cry, event) <= 0 for cry in cries)]
    return Match(found, false)


def overlap_s(one, other):
    """Seconds that two things with start_s and end_s share; not positive when they share none."""
    return min(one.end_s, other.end_s) - max(one.start_s, other.start_s)


def night_table(truth, events):
    """The night in the order it happened, what was true beside what was heard, as text of 80 columns."""
    form = "{:<8}{:>9} {:>9}{:>5}  {:<22}{}"
    lines = [form.format("TRUE", "from", "to", "SNR", "HEARD", "").rstrip()]
    matched = match(truth, events)
    heard = {id(cry): event for cry, event in matched.found}
    for thing in sorted(list(truth) + matched.false, key=lambda thing: thing.start_s):
        if thing in matched.false:
            lines.append(form.format("-", "", "", "", _span(thing), "FALSE ALARM"))
            continue
        event = heard.get(id(thing))
        verdict = ""
        if event:
            verdict = "found, start {:+.2f} s".format(event.start_s - thing.start_s)
        elif thing.kind == "cry":
            verdict = "MISSED"
        lines.append(
            form.format(
                thing.kind,
                clock(thing.start_s),
                clock(thing.end_s),
                "{:.0f}".format(thing.snr_db),
                _span(event) if event else "",
                verdict,
            ).rstrip()
        )
    n_found = sum(event is not None for _, event in matched.found)
    lines.append(
        "{} of {} cries found, {} missed, {} false alarms".format(
            n_found, len(matched.found), len(matched.found) - n_found, len(matched.false)
        )
    )
    return "\n".join(lines)


def _span(event):
    return "{} - {}".format(clock(event.start_s), clock(event.end_s))
