"""`cry-monitor devices`: the microphones there are."""

import json

from edge.audio import list_input_devices
from edge.capture.devices import no_microphone
from edge.commands.lines import print_line
from edge.errors import UserError

COLUMNS = "{:1} {:40} {:>8} {:>8}  {}"


def add_parser(subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "devices",
        help="list the microphones",
        description="List the microphones. Any part of a name, or of the id under it, that only one of them has "
        "can be used in --source mic:NAME. The id names a socket and stays the same; card numbers change. Exit "
        "status 1 when there is none.",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object per device (docs/schemas/devices.schema.json)"
    )
    parser.set_defaults(run=run)


def run(args) -> int:
    """Print the input devices. Raises UserError when there is none."""
    devices = list_input_devices()
    if not devices:
        raise UserError(no_microphone())
    if args.json:
        for device in devices:
            print(json.dumps(device._asdict()))
        return 0
    print(COLUMNS.format("", "NAME", "CHANNELS", "RATE HZ", "THROUGH"))
    for device in devices:
        mark = "*" if device.is_default else ""
        print_line(COLUMNS.format(mark, device.name, device.channels, device.default_rate_hz, device.host_api))
        if device.stable_id:
            print_line("  " + device.stable_id)
    print("* is what --source mic listens to")
    return 0
