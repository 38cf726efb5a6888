"""How records are told: as fields for JSON, and what was made of an event in words."""

from edge.log import iso_utc
from edge.records import Alert, Event, Frame

RECORD_TYPES = {Frame: "frame", Alert: "alert", Event: "event"}


def record_object(record, **context):
    """A Frame, Alert or Event as a dict for JSON: its type, the context (file, or the monitor's name), its fields.

    What each expert made of an event is not among them: it is in the database.
    """
    fields = {"type": RECORD_TYPES[type(record)]}
    fields.update(context)
    fields.update(record._asdict())
    fields.pop("readings", None)
    if not fields.get("brief"):
        fields.pop("brief", None)  # it is there to be noticed
    if fields.get("infant_score") is None:
        fields.pop("infant_score", None)  # nobody asked for one
    return fields


def event_object(event, start_utc, **context):
    """An event as a dict for JSON, with when it was; start_utc in seconds since 1970."""
    end_utc = start_utc + event.end_s - event.start_s
    return record_object(event, start_utc=iso_utc(start_utc), end_utc=iso_utc(end_utc), **context)


def remarks_text(event):
    """What there is to say of an event beside its length: that it was brief, its cause, how like our infant it was."""
    score = "" if event.infant_score is None else ", infant score {:.2f}".format(event.infant_score)
    return (", brief" if event.brief else "") + cause_text(event) + score


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
