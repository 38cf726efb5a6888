"""Silence around converters: they print to both streams, and stdout belongs to --json."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

from edge.engines.base import quiet_stderr


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallow prints, warnings, log lines and native messages; exceptions pass."""
    previous = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), quiet_stderr():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
