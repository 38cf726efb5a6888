"""A bundle is tried in a process of its own first: what reads model files is native code, and may end with them.

    python -m edge.bundle.trial [DIR]    opens every model, runs it, and says what is wrong

The SHA-256 in a manifest was written by whoever wrote the bundle: it proves that the files are whole, not that they are
harmless.
"""

import os
import signal
import subprocess
import sys

from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle
from edge.bundle.files import file_paths
from edge.bundle.manifest import read_manifest
from edge.errors import UserError
from edge.runtime.core_dumps import forbid_core_dumps

PATIENCE_S = 120.0  # a board with much else to do; what takes longer does not start in time either
DONE = "tried"

_EDGE_S_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def try_bundle(directory, threads=1):
    """Open and run every model of a bundle in another process. Raises UserError with what went wrong there.

    TensorRT, which builds for minutes, is left out: the CPU's engines read the same files.
    """
    path = os.pathsep.join(filter(None, [_EDGE_S_PARENT, os.environ.get("PYTHONPATH")]))
    child = subprocess.Popen(
        [sys.executable, "-m", "edge.bundle.trial", str(directory), str(threads)],
        env=dict(os.environ, PYTHONPATH=path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        said = child.communicate(timeout=PATIENCE_S)[0].decode("utf-8", "replace").splitlines()
    except subprocess.TimeoutExpired:
        raise UserError(
            "the bundle {} was tried in a process of its own and took longer than {:.0f} s: {}".format(
                directory, PATIENCE_S, ADVICE
            )
        ) from None
    finally:
        child.kill()
        child.wait()
    if DONE in said:
        return
    if child.returncode > 0 and said:
        raise UserError(said[-1])
    raise UserError(
        "the bundle {} was tried in a process of its own, which it ended ({}): {}".format(
            directory, _how_it_ended(child.returncode), ADVICE
        )
    )


ADVICE = "not loaded; a bundle is as good as a program, take one only from whom you trust"


def _how_it_ended(status):
    if status >= 0:
        return "exit status {}".format(status)
    name = next((each.name for each in signal.Signals if each.value == -status), "")
    return "signal {} {}".format(-status, name).strip()


def main(directory=DEFAULT_BUNDLE_DIR, threads="1"):
    """Try it here; returns the exit status."""
    forbid_core_dumps()
    try:
        load_bundle(directory, int(threads), tensorrt=False).warm_up()
    except UserError as error:
        print(error)
        return 1
    print(DONE)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
