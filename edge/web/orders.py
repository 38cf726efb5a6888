"""What the page may ask of a monitor, checked, and how a request is refused."""

from edge.errors import UserError
from edge.store.marks import checked_mark


class Refusal(Exception):
    """A request that gets a status and a line instead of an answer."""

    def __init__(self, status, words):
        Exception.__init__(self, words)
        self.status = status


def _pause(fields):
    minutes = fields.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 1 <= minutes <= 120:
        raise Refusal(400, "minutes is 1 to 120")
    return {"seconds": 60.0 * minutes}


def _mark(fields):
    try:
        checked_mark(fields.get("event"), fields.get("mark"))
    except UserError as error:
        raise Refusal(400, str(error)) from error
    return {"event": fields["event"], "mark": fields["mark"]}


REQUESTS = {"pause": _pause, "resume": lambda fields: {}, "mark": _mark}  # what the socket is asked, checked here
