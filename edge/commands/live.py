"""`cry-monitor live`: what the monitors on this machine hear now."""

import sys

from edge.arguments import add_configuration

DESCRIPTION = """Show what every monitor on this machine hears now: level, p(cry) over the last minute, the open
episode, the last cry, whether it hears at all. q ends it. Without a terminal, or with
--once, the same is printed as text."""
ONCE_S = 2.0  # long enough for a status and some frames


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("live", help="watch what is heard now", description=DESCRIPTION)
    add_configuration(parser)
    parser.add_argument("--once", action="store_true", help="print it once and end; exit status 1 when one is deaf")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Show it."""
    from edge.config import load_settings
    from edge.following.live import Live, loudness_of
    from edge.following.sources import sockets_of

    settings = load_settings(args.config)
    live = Live(sockets_of(settings), loudness_of(settings))
    live.start()
    try:
        if args.once or not sys.stdout.isatty():
            return once(live)
        from edge.live.terminal import show

        show(live)
        return 0
    finally:
        live.close()


def once(live) -> int:
    """Print it after a moment of listening; 1 when a monitor does not hear."""
    import time

    from edge.live.screen import screen

    time.sleep(ONCE_S)
    live.publish()
    print("\n".join(screen(live.monitors)))
    return 0 if all(monitor["hearing"] or monitor["state"] == "paused" for monitor in live.monitors) else 1
