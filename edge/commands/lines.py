"""What commands print: one JSON object or one line of text per record."""

import json
import sys

from edge.records import Alert, Event, Frame
from edge.text import printable

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
        clock(record.start_s),
        clock(record.end_s),
        record.end_s - record.start_s,
        record.cry_probability,
        cause_text(record),
    )


def cause_text(event):
    """ ", hungry 62 %", or why there is no cause; nothing when no expert was asked."""
    if event.cause is not None:
        return ", {} {:.0f} %".format(event.cause, 100 * event.cause_probability)
    if event.out_of_distribution:
        return ", unlike the cries that the experts know"
    return ", cause uncertain" if event.posterior else ""


def readings_text(event):
    """What each expert made of an event and what that counted, for the log; nothing when none was asked.

    "; experts: android (T 1.70, entropy 0.47, gate 0.55) hungry 0.62; ios (...)".
    """
    texts = []
    for reading in event.readings:
        label, p = max(reading.posterior.items(), key=lambda item: item[1])
        texts.append(
            "{} (T {:.2f}, entropy {:.2f}, gate {:.2f}) {} {:.2f}".format(
                reading.expert, reading.temperature, reading.entropy_nats, reading.gate_weight, label, p
            )
        )
    return "; experts: " + "; ".join(texts) if texts else ""


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
