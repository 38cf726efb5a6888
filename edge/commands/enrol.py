"""`cry-monitor enrol`: this home's infant, from cries that were marked; and forgetting it."""

from edge.arguments import add_configuration, given, path_name
from edge.commands.lines import print_line
from edge.commands.mark import number_of
from edge.commands.sockets import one_socket
from edge.config import load_settings
from edge.errors import UserError
from edge.following.sources import databases_of, sockets_of
from edge.infant.enrolment import remove_enrolment
from edge.sinks.client import Client
from edge.store import default_path

DESCRIPTION = """Tell the running monitor whose the cries of its last day were: those that are marked as cries
(cry-monitor mark), or those of them that are named, are this home's infant. It writes their mean beside its database,
for its user alone, in place of an earlier one, and gives every later event a score of how like that it sounds. Only
where [infant] enabled is true and the bundle holds an embedding model. What is written is biometric and stays here;
--forget removes it, and all that waits in memory."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("enrol", help="say whose the marked cries were", description=DESCRIPTION)
    parser.add_argument(
        "events", metavar="EVENT", type=number_of, nargs="*", help="numbers of events (default: all that are marked)"
    )
    parser.add_argument("--forget", action="store_true", help="remove what was enrolled")
    parser.add_argument("--source", metavar="NAME", type=given, help="whose events, where there are several monitors")
    add_configuration(parser)
    parser.add_argument("--db", metavar="FILE", type=path_name, help="with --forget: the database beside which it is")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Enrol or forget. Raises UserError."""
    if args.db and not args.forget:
        raise UserError("--db {} is for --forget: the cries to enrol from wait in the running monitor".format(args.db))
    if args.events and args.forget:
        raise UserError("--forget takes no events: all that was enrolled is removed")
    settings = load_settings(args.config)
    if args.db:
        _say_forgotten(remove_enrolment(args.db))
        return 0
    source, path, _ = one_socket(settings, args.source)
    if args.forget:
        _say_forgotten(_forget(settings, source, path))
        return 0
    with Client(path) as client:
        enrolled = client.request("enrol", events=args.events)["enrolled"]
    print_line("the infant is enrolled from {cries} cries, {seconds} s of crying".format(**enrolled))
    return 0


def _forget(settings, source, path):
    """By the monitor that runs; where none does, the file itself."""
    try:
        client = Client(path)
    except UserError:
        databases = databases_of(settings, sockets_of(settings))
        return remove_enrolment(databases.get(source) or settings.store.path or default_path())
    with client:
        return client.request("forget_infant")["was_enrolled"]


def _say_forgotten(was_enrolled):
    print_line("the infant is forgotten" if was_enrolled else "no infant was enrolled")
