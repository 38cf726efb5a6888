"""`cry-monitor doctor`: what usually goes wrong, and what to do about it."""

from edge.arguments import given, path_name
from edge.commands.lines import print_line, print_object
from edge.errors import UserError

DESCRIPTION = """Look at each thing that usually goes wrong, and say what to do: configuration, service, microphone and
level (it listens for two seconds), groups, bundle, engine, speed, disk, clock, power. Nothing is changed. With
--privacy, show what the running monitor has open instead: files, sockets, network, core dumps, swap, sandbox, what
could not be seen, and whom the bridge tells, in the very words. Exit status 1 when something is wrong. JSON is
described in docs/schemas/doctor.schema.json."""


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("doctor", help="look at what usually goes wrong", description=DESCRIPTION)
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=path_name,
        help="configuration in TOML (default: the service's where there is one, else the defaults)",
    )
    parser.add_argument("--source", metavar="SOURCE", type=given, help="as for run (default: the configuration's)")
    parser.add_argument(
        "--bundle", metavar="DIR", type=path_name, help="directory of the models (default: the configuration's)"
    )
    parser.add_argument(
        "--db", metavar="FILE", type=path_name, help="the database (default: the service's where there is one)"
    )
    parser.add_argument("--privacy", action="store_true", help="show what the running monitor has open")
    parser.add_argument(
        "--pid", metavar="N", type=int, help="with --privacy: the monitor's process (default: the service's)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per finding")
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print every finding; 1 when something is wrong."""
    from edge.doctor import WRONG  # here, as no other command has to wait for these rooms
    from edge.doctor.examination import evidence, findings
    from edge.runtime.private_memory import keep_private

    if args.pid is not None and not args.privacy:
        raise UserError("--pid {} is for --privacy: give both".format(args.pid))
    keep_private(live=not args.privacy)
    looked_at = (
        evidence(args.pid, args.db, args.config)
        if args.privacy
        else findings(args.config, args.source, args.bundle, args.db)
    )
    wrong = 0
    for finding in looked_at:
        wrong += finding.state == WRONG
        _print(finding, args.json)
    if not args.json:
        print("\n{}".format("{} wrong".format(wrong) if wrong else "nothing is wrong"))
    return 1 if wrong else 0


def _print(finding, as_json):
    if as_json:
        print_object(finding._asdict())
        return
    print_line("{:8} {:13} {}".format(finding.state, finding.name, finding.found))
    for line in finding.evidence:
        print_line("{:23}{}".format("", line))
    if finding.do:
        print_line("{:22} -> {}".format("", finding.do))
