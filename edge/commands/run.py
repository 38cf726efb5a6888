"""`cry-monitor run`: the daemon."""

from edge.arguments import given, path_name
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.bundle.trial import load_tried
from edge.commands.lines import cause_text, print_object, readings_text, record_object
from edge.commands.notes import bundle_notes
from edge.config import load_settings
from edge.errors import UserError
from edge.log import iso_utc, log, start_log
from edge.records import Event
from edge.runtime.daemon import Daemon
from edge.runtime.private_memory import keep_private
from edge.store.buffered_store import BufferedStore

DESCRIPTION = """Listen until SIGTERM or Ctrl-C, or until a recording ends, and write every crying event to
the database. Without a microphone it says so and waits for one. The log goes to stderr; READY there (and
to systemd) means that the engine is warm. Flags win over the configuration file, which SIGHUP has read again."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("run", help="listen, and write down when the baby cries", description=DESCRIPTION)
    parser.add_argument(
        "--source",
        metavar="SOURCE",
        type=given,
        help="mic, mic:NAME (see `cry-monitor devices`), file:PATH, or - for raw 16-bit "
        "16-kHz mono PCM on stdin (default: the configuration's, else mic)",
    )
    parser.add_argument(
        "--config", metavar="FILE", type=path_name, help="configuration in TOML (default: built-in defaults)"
    )
    parser.add_argument(
        "--bundle",
        metavar="DIR",
        type=path_name,
        help="directory of the models (default: the configuration's, else what ships)",
    )
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=path_name,
        help="the database (default: the configuration's, else events.db in $STATE_DIRECTORY "
        "or $XDG_STATE_HOME/cry-monitor)",
    )
    parser.add_argument(
        "--fast", action="store_true", help="feed file:PATH as quickly as it is processed, not at the pace of the clock"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print alerts and events as JSON lines on stdout (docs/schemas/run.schema.json)",
    )
    parser.add_argument(
        "--log-json", action="store_true", help="write the log as JSON lines (docs/schemas/log.schema.json)"
    )
    parser.set_defaults(run=run)


def run(args) -> int:
    """Listen until the end."""
    start_log(args.log_json)
    keep_private(live=True)
    settings = _settings(args)
    if args.fast and not settings.audio.source.startswith("file:"):
        raise UserError(
            "--fast is for recordings, and the source is {}: use --source file:PATH".format(settings.audio.source)
        )
    bundle = load_tried(settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings.detector.threads)
    for line in bundle_notes(bundle, settings):
        log.warning("%s", line)
    emit = _emit_json if args.json else _emit_log
    with BufferedStore(settings.store.path, settings) as keeper:
        Daemon(bundle, settings, keeper, emit, reread=lambda: _reread(args)).run(args.fast)
    return 0


def _settings(args):
    """The configuration, but for what flags say."""
    settings = load_settings(args.config)
    return settings._replace(
        audio=settings.audio._replace(source=args.source or settings.audio.source),
        detector=settings.detector._replace(bundle=args.bundle or settings.detector.bundle),
        store=settings.store._replace(path=args.db or settings.store.path),
    )


def _reread(args):
    if args.config is None:
        raise UserError("no configuration file was given: start with --config FILE to have one read again")
    return _settings(args)


def _emit_log(record, start_utc):
    if isinstance(record, Event):
        log.info(
            "event: cried for %.1f s from %s, p %.2f%s%s",
            record.end_s - record.start_s,
            iso_utc(start_utc),
            record.cry_probability,
            cause_text(record),
            readings_text(record),
        )
    else:
        log.info("alert: crying, p %.2f", record.cry_probability)


def _emit_json(record, start_utc):
    _emit_log(record, start_utc)
    if isinstance(record, Event):
        end_utc = start_utc + record.end_s - record.start_s
        print_object(record_object(record, start_utc=iso_utc(start_utc), end_utc=iso_utc(end_utc)))
    else:
        print_object(record_object(record, at_utc=iso_utc(start_utc)))
