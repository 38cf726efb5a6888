"""`cry-monitor run`: the daemon."""

import argparse

from edge.arguments import add_bundle, add_configuration, given, path_name
from edge.bundle import DEFAULT_BUNDLE_DIR, open_embedding
from edge.bundle.trial import load_tried
from edge.camera.address import checked_parts, is_address
from edge.commands.notes import bundle_notes
from edge.config import load_settings
from edge.errors import UserError
from edge.following.sources import NAME
from edge.infant.own_infant import open_infant
from edge.infant.requests import infant_requests
from edge.learning.learning import Learning, mark_and_settle, networks_of
from edge.log import log, start_log
from edge.runtime.daemon import Daemon
from edge.runtime.pause import Pause
from edge.runtime.private_memory import keep_private
from edge.runtime.systemd import SystemdSink
from edge.runtime.told import told_requests
from edge.sinks.fan_out import Sinks
from edge.sinks.json_lines import JsonLinesSink
from edge.sinks.local_socket import LocalSocketSink
from edge.sinks.log_sink import LogSink
from edge.sinks.place import default_path, listen, passed_by_systemd
from edge.status import Status
from edge.store.buffered_store import BufferedStore
from edge.store.marks import mark_requests
from edge.tuning.override import with_override

RECORDINGS = ("file:", "-")  # sources that may be one

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
        help="mic, mic:NAME (see `cry-monitor devices`), rtsp://USER@HOST/PATH (also rtsps, http, https, udp), "
        "file:PATH, or - for raw 16-bit 16-kHz mono PCM on stdin (default: the configuration's, else mic)",
    )
    add_configuration(parser)
    add_bundle(parser)
    parser.add_argument(
        "--db",
        metavar="FILE",
        type=path_name,
        help="the database (default: the configuration's, else events.db in $STATE_DIRECTORY "
        "or $XDG_STATE_HOME/cry-monitor)",
    )
    parser.add_argument(
        "--fast",
        action="store_true",
        help="feed a recording, file:PATH or -, as quickly as it is processed, not at the pace of the clock; its end "
        "is the end",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print alerts and events as JSON lines on stdout (docs/schemas/run.schema.json)",
    )
    parser.add_argument(
        "--log-json", action="store_true", help="write the log as JSON lines (docs/schemas/log.schema.json)"
    )
    parser.add_argument(
        "--name",
        type=_name,
        help="of this monitor, where several run on one machine: in its log, its status and every message",
    )
    parser.set_defaults(run=run)


def run(args) -> int:
    """Listen until the end."""
    name = args.name or ""
    start_log(args.log_json, name)
    keep_private(live=True)
    settings = _settings(args)
    if args.fast and not settings.audio.source.startswith(RECORDINGS):
        raise UserError(
            "--fast is for recordings, and the source is {}: use --source file:PATH, or - for one that is piped".format(
                settings.audio.source
            )
        )
    bundle = load_tried(settings.detector.bundle or DEFAULT_BUNDLE_DIR, settings.detector.threads)
    status = Status(name)
    sinks = Sinks([SystemdSink(), LogSink()], status)
    if args.json:
        sinks.add(JsonLinesSink(monitor=name))
    with BufferedStore(settings.store.path, settings, status.database) as keeper:
        bundle = _with_thresholds_of_home(bundle, keeper.path, status)
        bundle = _with_infant_of_home(bundle, settings, keeper.path, status)
        for line in bundle_notes(bundle, settings):
            log.warning("%s", line)
        pause, learning = Pause(), _learning(bundle, settings, keeper, status)
        requests = dict(pause.requests(), **mark_requests(lambda: keeper.path), **told_requests(status))
        requests = mark_and_settle(requests, learning)
        requests.update(infant_requests(bundle.infant, lambda: keeper.path))
        add_local_socket(sinks, status, settings.socket, keeper.path, requests, pause.left, name)
        try:
            Daemon(bundle, settings, keeper, status, sinks, lambda: _reread(args), pause, learning).run(args.fast)
        finally:
            sinks.close()
    return 0


def _learning(bundle, settings, keeper, status):
    """What this home keeps to learn from; None where that is nothing."""
    if not settings.learn.enabled:
        return None
    if bundle.verifier is None:
        status.notice("learning", "[learn] is enabled and the bundle has no verifier: nothing is kept to learn from")
        return None

    def tell(trouble):
        if trouble:
            status.notice("learning", "what is marked is not kept to learn from: {}".format(trouble))
        else:
            status.resolved("learning", "what is marked is kept to learn from again")

    return Learning(settings, lambda: keeper.path, networks_of(bundle.directory), tell)


def _with_thresholds_of_home(bundle, database, status):
    """The bundle, tuned as the file beside the database says; one that cannot be used is said, and hearing goes on."""
    try:
        return with_override(bundle, database)
    except UserError as error:
        status.notice("tuning refused", "{}; the bundle's own thresholds hold".format(error))
        return bundle


def _with_infant_of_home(bundle, settings, database, status):
    """The bundle, with what tells how like the enrolled infant a cry is, where the configuration asks for it."""
    if not settings.infant.enabled:
        return bundle
    infant = open_infant(
        lambda: open_embedding(bundle.directory, settings.detector.threads),
        database,
        lambda text: status.notice("infant not known", text),
    )
    return bundle._replace(infant=infant)


def add_local_socket(sinks, status, settings, database, requests, left, monitor="") -> None:
    """Offer the local socket, systemd's or our own; one that cannot be made is said, and hearing goes on."""
    if not settings.enabled:
        return
    try:
        passed = passed_by_systemd()
        path = settings.path or default_path(database)
        listening = passed or listen(path)
        sinks.add(LocalSocketSink(listening, status.snapshot, requests, "" if passed else path, left, monitor))
    except (UserError, OSError) as error:
        status.notice("no socket", "{}; hearing goes on without it".format(error))


def _name(text):
    if not NAME.match(text):
        raise argparse.ArgumentTypeError("{!r}: use letters, digits, _ and -, at most 64".format(text))
    return text


def _settings(args):
    """The configuration, but for what flags say. Raises UserError, for an address with a password in it too."""
    settings = load_settings(args.config)
    source = args.source or settings.audio.source
    if is_address(source):
        checked_parts(source)
    return settings._replace(
        audio=settings.audio._replace(source=source),
        detector=settings.detector._replace(bundle=args.bundle or settings.detector.bundle),
        store=settings.store._replace(path=args.db or settings.store.path),
    )


def _reread(args):
    if args.config is None:
        raise UserError("no configuration file was given: start with --config FILE to have one read again")
    return _settings(args)
