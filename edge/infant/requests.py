"""What the local socket may ask: enrol the infant of some marked events, and forget it."""

from edge.errors import UserError
from edge.infant.enrolment import remove_enrolment
from edge.infant.waiting import MOST
from edge.store import Store
from edge.store.rows import CRY
from edge.store.schema import MOST_ROWS
from edge.text import shown

OFF = "[infant] enabled is false, or its model cannot be used: set it to true and restart the monitor"
SAME_S = 0.01  # two times of one event


def infant_requests(infant, path_of):
    """{name: answer} for the local socket. infant: OwnInfant, None while there is none. path_of() -> the database."""

    def enrol(request):
        if infant is None:
            raise UserError(OFF)
        numbers, waiting = checked_events(request.get("events", [])), infant.waiting.all()
        with Store(path_of(), read_only=True) as store:
            events = store.events(waiting[0].start_utc) if waiting else []
        enrolment = infant.enrol(path_of(), chosen(waiting, events, numbers))
        return {"enrolled": {"cries": enrolment.cries, "seconds": enrolment.seconds}}

    def forget(request):
        return {"was_enrolled": infant.forget(path_of()) if infant else remove_enrolment(path_of())}

    return {"enrol": enrol, "forget_infant": forget}


def checked_events(events):
    """Numbers of events. Raises UserError."""
    is_list = isinstance(events, list) and len(events) <= MOST
    for number in events if is_list else [events]:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_ROWS:
            raise UserError("events is {}: use numbers as cry-monitor events shows them".format(shown(events)))
    return events


def chosen(waiting, events, numbers):
    """Those of the waiting cries whose event is marked as a cry, and is one of `numbers` where there are any.

    events: edge.store.rows.StoredEvent. Raises UserError for a number that cannot be enrolled from.
    """
    cry_of = {event.id: cry for event in events for cry in waiting if abs(cry.start_utc - event.start_utc) < SAME_S}
    marked = {event.id for event in events if event.mark == CRY}
    for number in numbers:
        if number not in cry_of:
            raise UserError(
                "event {} does not wait: an infant is enrolled within a day of its cries, while the monitor that heard "
                "them runs".format(number)
            )
        if number not in marked:
            raise UserError("event {0} is not marked as a cry: cry-monitor mark {0} cry".format(number))
    return [cry for number, cry in sorted(cry_of.items()) if number in (numbers or marked)]
