"""What comes with somebody's model: code that runs only when asked, an archive whose size is looked at first.

A .keras file is a zip of a configuration and weights. Loading it runs no code of its own, as long as Keras' safe mode
is on; modules that model.json names are Python, and run with the rights of whoever exports.
"""

import contextlib
import importlib
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import UserError
from edge.text import printable
from export.convert.quiet import quiet

OURS = ("edge", "export", "training")  # folders of this project
FLAG = "--trust-model-code"
MOST_UNPACKED_BYTES = 2_000_000_000  # of a model for a small board: a hundred times what it can run
MOST_RATIO = 200  # unpacked to packed; weights hardly shrink
LEAST_SUSPICIOUS_BYTES = 50_000_000
MOST_ENTRIES = 1000


def import_modules(modules: Sequence[str], directory: Path, key: str, where: Path, trusted: bool) -> None:
    """Import modules that `key` of the model.json `where` names: ours, and with trust such as lie in `directory`.

    Raises UserError, before anything of it has run, for code that is not ours and not trusted.
    """
    for module in modules:
        if module.partition(".")[0] not in OURS and not trusted:
            raise UserError(
                f'"{key}" in {where} names {printable(module)}, code that comes with the model and would run with your '
                f"rights: read it, then give {FLAG}"
            )
    for module in modules:
        import_module(module, directory, key, where)


def import_module(module: str, directory: Path, key: str, where: Path) -> None:
    """Import one; ours is looked for where this project is, never beside the model. Raises UserError."""
    besides = [] if module.partition(".")[0] in OURS else [str(directory.resolve())]
    path = sys.path[:]
    sys.path[:0] = besides
    try:
        with quiet():
            importlib.import_module(module)
    except Exception as error:  # a module of someone else's can fail in any way
        raise UserError(
            f'cannot import {module!r} of "{key}" in {where} ({one_line(error)}): install it or put it beside the model'
        ) from error
    finally:
        sys.path[:] = path


@contextlib.contextmanager
def safe_mode() -> Iterator[None]:
    """Keras refuses code within a model's file, whatever an imported module may have told it."""
    from keras.src.saving.serialization_lib import SafeModeScope  # no public name switches it on again

    scope: Any = SafeModeScope(True)
    with scope:
        yield


def check_archive(path: Path) -> None:
    """Raise UserError when a .keras file would unpack to more than a model can have; nothing is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # Keras says what it is instead
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    is_suspicious = unpacked > LEAST_SUSPICIOUS_BYTES and unpacked > MOST_RATIO * max(1, packed)
    if len(entries) > MOST_ENTRIES or unpacked > MOST_UNPACKED_BYTES or is_suspicious:
        raise UserError(
            f"{path} holds {len(entries)} files and would unpack from {packed / 1e6:.1f} to {unpacked / 1e6:.0f} MB: "
            f"no model for a board is like that, it was not read; save it again with model.save('NAME.keras')"
        )
