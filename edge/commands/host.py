"""edge-export and cry-train where only the device's part is installed: they say what they need and where."""

import importlib
import sys

from edge.commands.lines import print_error

HOST_PYTHON = (3, 11)


def edge_export():
    """Entry point of edge-export."""
    return host_command("edge-export", "export.command", "export")


def cry_train():
    """Entry point of cry-train."""
    return host_command("cry-train", "training.command", "train")


def host_command(name, module, extra):
    """Run main() of a host module; returns its exit status, or 1 after saying which extra is missing."""
    if sys.version_info < HOST_PYTHON:
        print_error(
            "{} works on a PC, not on the device: it needs Python {}.{} or newer and this is {}.{}; there, run "
            "pip install cry-monitor[{}]".format(name, *(HOST_PYTHON + tuple(sys.version_info[:2]) + (extra,))),
            name,
        )
        return 1
    try:
        main = importlib.import_module(module).main
    except ImportError as error:
        print_error("{} is not installed; run pip install cry-monitor[{}]".format(error.name, extra), name)
        return 1
    return main()
