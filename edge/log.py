"""The monitor's own log, on stderr: people's text, systemd's, or JSON lines. Never audio, never secrets."""

import json
import logging
import os
import sys
import time

log = logging.getLogger("cry-monitor")

# sd-daemon(3): the journal takes the level of a line from such a prefix.
JOURNAL_LEVELS = {logging.ERROR: "<3>", logging.WARNING: "<4>", logging.INFO: "<6>", logging.DEBUG: "<7>"}


class _Journal(logging.Formatter):
    def format(self, record):
        return JOURNAL_LEVELS.get(record.levelno, "<6>") + record.getMessage()


class _Json(logging.Formatter):
    def format(self, record):
        return json.dumps({
            "time_utc": iso_utc(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        })


def start_log(as_json: bool = False) -> None:
    """Send the log to stderr: JSON lines, the journal's form when stderr is the journal, else text."""
    if as_json:
        formatter = _Json()
    elif "JOURNAL_STREAM" in os.environ and not sys.stderr.isatty():
        formatter = _Journal()
    else:
        formatter = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def iso_utc(utc: float) -> str:
    """Seconds since 1970 as 2026-11-21T20:00:00.250Z."""
    milliseconds = int(round(1000 * utc))
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return "{}.{:03d}Z".format(whole, milliseconds % 1000)
