"""What commands print: one JSON object or one line of text per record."""

import json
import sys

from edge.records import Alert, Frame
from edge.sinks.words import remarks_text
from edge.text import printable


def record_text(record):
    """A Frame, Alert or Event as one line for a person."""
    if isinstance(record, Frame):
        heard = "too quiet" if record.gated else "p(cry) {:.2f}".format(record.cry_probability)
        return "{}  {:6.1f} dBFS  {}".format(clock(record.t_s), record.level_dbfs, heard)
    if isinstance(record, Alert):
        return "{}  crying, p {:.2f}".format(clock(record.t_s), record.cry_probability)
    return "{}  cried until {} ({:.1f} s), p {:.2f}{}".format(
        clock(record.start_s),
        clock(record.end_s),
        record.end_s - record.start_s,
        record.cry_probability,
        remarks_text(record),
    )


def clock(t_s):
    """Seconds of audio as 1:02:03.4, hours only when there are any."""
    tenths = int(round(10 * t_s))
    hours, tenths = divmod(tenths, 36000)
    minutes, tenths = divmod(tenths, 600)
    text = "{:02d}:{:04.1f}".format(minutes, tenths / 10)
    return "{}:{}".format(hours, text) if hours else text


def print_object(fields):
    """One JSON object on stdout, seen at once by whoever reads the pipe."""
    print(json.dumps(fields, allow_nan=False))
    sys.stdout.flush()


def print_line(text):
    """One line for a person, seen at once; whatever of it is no plain character is written out."""
    print(printable(text), flush=True)
