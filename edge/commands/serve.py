"""`cry-monitor serve`: a small page on this machine or in this house: what is heard now, and the night."""

import signal
import threading

from edge.arguments import add_configuration
from edge.errors import UserError
from edge.log import log, start_log

DESCRIPTION = """Serve a small page: what every monitor hears now, the night as `cry-monitor report` draws it, and
/metrics for Prometheus. On this machine alone unless serve.address says otherwise, which needs a password. The database
is read only; the page asks nobody else for anything."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("serve", help="serve the page", description=DESCRIPTION)
    add_configuration(parser)
    parser.add_argument("--port", metavar="N", type=int, help="of the page (default: serve.port)")
    parser.add_argument("--log-json", action="store_true", help="write the log as JSON lines")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    from edge.config import load_settings
    from edge.runtime.systemd import notify

    settings = load_settings(args.config)
    start_log(args.log_json)
    server = server_of(settings, args.port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server.live.start()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
    log.info("READY: %s", url_of(server, settings))
    notify("READY=1")
    stop.wait()
    server.live.close()
    server.shutdown()
    server.server_close()
    return 0


def server_of(settings, port=None):
    """The PageServer of the [serve] settings, listening. Raises UserError."""
    from edge.credentials import read_secret
    from edge.following.live import Live, loudness_of
    from edge.following.sources import databases_of, sockets_of
    from edge.web.access import Access
    from edge.web.server import PageServer

    serve = settings.serve
    password = read_secret("serve.password_file", serve.password_file) or None
    tls = (serve.certificate_file, serve.key_file) if serve.certificate_file else None
    if serve.address not in LOOPBACK:
        if password is None:
            raise UserError(
                "serve.address is {}, which others in the house can reach: set serve.password_file too".format(
                    serve.address
                )
            )
        if tls is None:
            log.warning("the password goes through the house in clear: set serve.certificate_file for TLS")
    sockets = sockets_of(settings)
    databases = databases_of(settings, sockets)
    names = {name.strip() for name in serve.names.split(",") if name.strip()} | {serve.address}
    live = Live(sockets, loudness_of(settings))
    port = serve.port if port is None else port
    return PageServer(serve.address, port, live, sockets, databases, Access(names, password), tls)


def url_of(server, settings) -> str:
    """Where the page is."""
    scheme = "https" if settings.serve.certificate_file else "http"
    host = "[{}]".format(server.server_name) if ":" in server.server_name else server.server_name
    return "{}://{}:{}/".format(scheme, host, server.server_port)
