"""A bundle is tried in a process of its own first: what reads model files is native code, and may end with them.

    python -m edge.bundle.trial [DIR [THREADS]]    opens every model, runs it, and says what is wrong

The SHA-256 in a manifest was written by whoever wrote the bundle: it proves that the files are whole, not that they are
harmless.
"""

import os
import signal
import subprocess
import sys

from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle, open_runner
from edge.bundle.answers import check_answers
from edge.bundle.files import MANIFEST_NAME, file_paths, verify_files
from edge.bundle.manifest import read_manifest
from edge.bundle.model import VERIFIER
from edge.errors import UserError
from edge.log import log
from edge.ownership import why_untrusted
from edge.runtime.core_dumps import forbid_core_dumps

PATIENCE_S = 60.0  # less than systemd waits for a start; what takes longer does not start in time either
OPENING = "opening "
ENDINGS = (0, 1)  # exit status of a trial that came to its end: nothing is wrong, or it is known what
ADVICE = "not loaded; a bundle is as good as a program, take one only from whom you trust"

_EDGE_S_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def load_tried(directory, threads=1):
    """The bundle in a directory, as load_bundle gives it; one that does not ship is tried in another process first.

    Raises UserError also where this is root and somebody else could have changed it.
    """
    check_and_try(directory, threads)
    return load_bundle(directory, threads)


def check_and_try(directory, threads=1):
    """What load_tried does before it loads."""
    check_owner(directory)
    if not ships(directory):
        try_bundle(directory, threads)


def ships(directory):
    """Whether a directory is the bundle that ships, which is as trustworthy as the code beside it."""
    return os.path.realpath(str(directory)) == os.path.realpath(DEFAULT_BUNDLE_DIR)


def check_owner(directory):
    """Raise UserError where this is root and somebody else could have changed the bundle."""
    if ships(directory):
        return
    manifest = read_manifest(directory)
    paths = [path for model in manifest.models for path in file_paths(model, directory).values()]
    for path in [os.path.join(directory, MANIFEST_NAME)] + paths:
        why = why_untrusted(path) if os.path.exists(path) else ""  # what is missing is said by whoever reads it
        if why:
            raise UserError(
                "the bundle {} is not loaded by root: {}; chown -R root {}, or run as that user".format(
                    directory, why, directory
                )
            )


def try_bundle(directory, threads=1):
    """Open and run every model of a bundle in another process. Raises UserError when that does not live to its end.

    What else is wrong with the bundle is said by whoever loads it then. TensorRT, which builds for minutes, is left
    out: the CPU's engines read the same files.
    """
    try:
        child = _start(directory, threads)
    except OSError as error:  # no process can be had: hearing comes first
        log.warning("%s is loaded without having been tried in another process (%s)", directory, error.strerror)
        return
    try:
        said = child.communicate(timeout=PATIENCE_S)[0].decode("utf-8", "replace").splitlines()
        ended = _how_it_ended(child.returncode)
    except subprocess.TimeoutExpired:
        said, ended = [], "it took longer than {:.0f} s".format(PATIENCE_S)
    finally:
        child.kill()
        child.wait()
    if child.returncode in ENDINGS:
        return
    what = said[-1][len(OPENING) :] if said else "the bundle {}".format(directory)
    raise UserError("{} ended the process in which it was tried ({}): {}".format(what, ended, ADVICE))


def _start(directory, threads):
    """The process that tries. Raises OSError."""
    path = os.pathsep.join(filter(None, [_EDGE_S_PARENT, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "edge.bundle.trial", os.path.abspath(str(directory)), str(threads)],
        env=dict(os.environ, PYTHONPATH=path, PYTHONIOENCODING="utf-8:surrogateescape"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _how_it_ended(status):
    if status >= 0:
        return "exit status {}".format(status)
    name = next((each.name for each in signal.Signals if each.value == -status), "")
    return "signal {} {}".format(-status, name).strip()


def main(directory=DEFAULT_BUNDLE_DIR, threads="1"):
    """Try it here; returns the exit status."""
    forbid_core_dumps()
    try:
        manifest = read_manifest(directory)
        for model in manifest.models:
            print(OPENING + ", ".join(sorted(file_paths(model, directory).values())), flush=True)
            _try_model(model._replace(tensorrt=None), directory, int(threads))
    except UserError as error:
        print(error)
        return 1
    print("every model runs")
    return 0


def _try_model(model, directory, threads):
    """Raises UserError, but for a verifier: the monitor does without."""
    try:
        verify_files([model], directory)
        check_answers(model.title, open_runner(model, directory, threads))
    except UserError:
        if model.role != VERIFIER:
            raise


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
