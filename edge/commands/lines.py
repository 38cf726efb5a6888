"""What commands print: one JSON object or one line of text per record."""

import json
import sys

from edge.records import Alert, Event, Frame

RECORD_TYPES = {Frame: "frame", Alert: "alert", Event: "event"}


def record_object(record, **context):
    """A Frame, Alert or Event as a dict for JSON: its type, the context (file or source), its fields.

    What each expert made of an event is not among them: it is in the database.
    """
    fields = {"type": RECORD_TYPES[type(record)]}
    fields.update(context)
    fields.update(record._asdict())
    fields.pop("readings", None)
    return fields


def record_text(record):
    """A Frame, Alert or Event as one line for a person."""
    if isinstance(record, Frame):
        heard = "too quiet" if record.gated else "p(cry) {:.2f}".format(record.cry_probability)
        return "{}  {:6.1f} dBFS  {}".format(clock(record.t_s), record.level_dbfs, heard)
    if isinstance(record, Alert):
        return "{}  crying, p {:.2f}".format(clock(record.t_s), record.cry_probability)
    return "{}  cried until {} ({:.1f} s), p {:.2f}{}".format(
        clock(record.start_s), clock(record.end_s), record.end_s - record.start_s, record.cry_probability,
        cause_text(record))


def cause_text(event):
    """", hungry 62 %" when the cause is known, else nothing."""
    if event.cause is None:
        return ""
    return ", {} {:.0f} %".format(event.cause, 100 * event.cause_probability)


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


def printable(name):
    """A file name whose bytes are not valid text, made printable."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def print_error(text, name="cry-monitor"):
    """An error on stderr, in the one form that every command uses."""
    print("{}: error: {}".format(name, printable(text)), file=sys.stderr)
