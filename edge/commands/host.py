"""The doors of the other programs: edge-bench, and edge-export and cry-train, which say what they need and where."""

import sys

from edge.errors import UserError, how_to_install
from edge.guarded import enter

HOST_PYTHON = (3, 11)


def edge_bench():
    """Entry point of edge-bench."""

    def load(argv):
        from edge.bench.command import main
        from edge.runtime.memory import require_memory

        require_memory()
        return main, argv

    return enter(load, None, "edge-bench")


def edge_export():
    """Entry point of edge-export."""
    return host_command("edge-export", "export.command", "export")


def cry_train():
    """Entry point of cry-train."""
    return host_command("cry-train", "training.command", "train")


def host_command(name, module, extra):
    """Run main() of a host module; returns its exit status, or 1 after saying which distribution is missing."""
    return enter(lambda argv: (_host_main(name, module, extra), argv), None, name)


def _host_main(name, module, extra):
    """Main() of a host module. Raises UserError where it cannot be had."""
    if sys.version_info < HOST_PYTHON:
        raise UserError(
            "{} works with Python {}.{} or newer, not on the device, and this is {}.{}: {}".format(
                name, *(HOST_PYTHON + tuple(sys.version_info[:2]) + (how_to_install(extra),))
            )
        )
    import importlib

    try:
        return importlib.import_module(module).main
    except ImportError as error:
        raise UserError("{} is not installed here: {}".format(error.name, how_to_install(extra))) from None
