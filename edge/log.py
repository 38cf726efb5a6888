"""The monitor's own log, on stderr: people's text, the journal's, or JSON lines. Never audio, never secrets.

In normal running it is a line a minute at most, beside one for each alert and event.
"""

import json
import logging
import os
import sys
import time
from typing import Optional

from edge.line_writer import LineWriter
from edge.text import printable

log = logging.getLogger("cry-monitor")

# sd-daemon(3): the journal takes the level of a line from such a prefix.
JOURNAL_LEVELS = {
    logging.CRITICAL: "<2>",
    logging.ERROR: "<3>",
    logging.WARNING: "<4>",
    logging.INFO: "<6>",
    logging.DEBUG: "<7>",
}


_named = ""  # what every line begins with, where there are several monitors


def _one_line(record):
    """A record's text, all of others' in it written out; a line break would begin a line of no level, or of no JSON."""
    return _named + printable(" ".join(record.getMessage().splitlines()))


class _Text(logging.Formatter):
    def __init__(self):
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record):  # noqa: N802  as logging calls it
        record.message = _one_line(record)
        return super().formatMessage(record)


class _Journal(logging.Formatter):
    def format(self, record):
        return JOURNAL_LEVELS[record.levelno] + _one_line(record)


class _Json(logging.Formatter):
    def format(self, record):
        return json.dumps(
            {
                "time_utc": iso_utc(record.created),
                "level": record.levelname.lower(),
                "message": _one_line(record),
            }
        )


class _Handler(logging.Handler):
    """Lines to stderr that never wait for whoever reads it."""

    def __init__(self, stderr):
        super().__init__()
        self.writer = LineWriter(stderr.fileno())
        self._encoding = stderr.encoding

    def emit(self, record):
        self.writer.write((self.format(record) + "\n").encode(self._encoding, "backslashreplace"))


def start_log(as_json: bool = False, monitor: str = "") -> None:
    """Send the log to stderr: JSON lines, the journal's form when stderr is the journal, else text.

    monitor: its name, for every line, where there are several.
    """
    global _named
    _named = "[{}] ".format(printable(monitor)) if monitor else ""
    formatter: logging.Formatter
    if as_json:
        formatter = _Json()
    elif stderr_is_the_journal():
        formatter = _Journal()
    else:
        formatter = _Text()
    handler = _handler()
    handler.setFormatter(formatter)
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def log_writer() -> Optional[LineWriter]:
    """What writes the log, once it has been started and stderr is a file."""
    writers = [handler.writer for handler in log.handlers if isinstance(handler, _Handler)]
    return writers[0] if writers else None


def _handler():
    try:
        return _Handler(sys.stderr)
    except (OSError, ValueError):  # no file: somebody collects what is said
        return logging.StreamHandler(sys.stderr)


def read_by_machines() -> bool:
    """Whether each line of stderr has a form that a program relies on: JSON, or the journal's levels."""
    return any(isinstance(handler.formatter, (_Journal, _Json)) for handler in log.handlers)


def stderr_is_the_journal() -> bool:
    """Whether what systemd says of the journal's socket (systemd.exec(5), JOURNAL_STREAM) is true of stderr."""
    try:
        there = os.fstat(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return False
    return os.environ.get("JOURNAL_STREAM") == "{}:{}".format(there.st_dev, there.st_ino)


def iso_utc(utc: float) -> str:
    """Seconds since 1970 as 2026-11-21T20:00:00.250Z."""
    milliseconds = int(round(1000 * utc))
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return "{}.{:03d}Z".format(whole, milliseconds % 1000)
