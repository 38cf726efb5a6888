"""`cry-monitor bridge`: tells Home Assistant, a phone, a web hook or a command, beside the process that hears."""

import signal
import threading

from edge.arguments import add_configuration
from edge.errors import UserError
from edge.log import log, start_log

DESCRIPTION = """Tell others what the monitor hears: Home Assistant over MQTT, a phone (ntfy, Pushover), a web hook, a
command, a dead man's switch. It reads the local socket of `cry-monitor run`, has a network and no microphone, and sends
nothing until the configuration names an address ([bridge], [mqtt], [push], [heartbeat], [loudness])."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("bridge", help="tell Home Assistant and people", description=DESCRIPTION)
    add_configuration(parser)
    parser.add_argument("--test", action="store_true", help="ring everything once, and say what each answered")
    parser.add_argument("--log-json", action="store_true", help="write the log as JSON lines")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Tell until SIGTERM or Ctrl-C; with --test, 1 when one did not answer."""
    from edge.bridge.setup import bridge_of  # here, as no other command has a network
    from edge.bridge.trial import try_everything
    from edge.config import load_settings

    settings = load_settings(args.config)
    parts = bridge_of(settings)
    if not parts.destinations():
        raise UserError("nobody is to be told: set mqtt.broker, push.ntfy, push.webhook or another (see --help)")
    if args.test:
        return try_everything(parts)
    from edge.bridge.house import run as follow
    from edge.runtime.systemd import notify

    start_log(args.log_json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    house = parts.start()
    log.info("telling %s of %s", ", ".join(parts.destinations()), ", ".join(parts.sockets))
    notify("READY=1")
    follow(house, parts.sockets, stop)
    parts.close()
    return 0
