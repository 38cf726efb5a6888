"""What is said of an event: by whom it was judged, what that counted, and why there is no cause."""

from edge.records import Event, ExpertReading
from edge.sinks.words import cause_text, readings_text, remarks_text

READINGS = (
    ExpertReading("android", {"hungry": 0.62, "tired": 0.38}, 1.7, 0.47, 0.55),
    ExpertReading("ios", {"hungry": 0.25, "tired": 0.75}, 1.0, 0.5, 0.45),
)


def event(**fields):
    return Event(1.0, 9.0, 0.9, **fields)


def test_each_expert_is_named_with_its_answer_and_its_weight():
    assert readings_text(event(readings=READINGS)) == (
        "; experts: android (T 1.70, entropy 0.47, gate 0.55) hungry 0.62; "
        "ios (T 1.00, entropy 0.50, gate 0.45) tired 0.75"
    )
    assert readings_text(event()) == ""


def test_a_cause_or_why_there_is_none():
    assert cause_text(event(cause="hungry", cause_probability=0.62)) == ", hungry 62 %"
    assert cause_text(event(posterior={"hungry": 0.5, "tired": 0.5})) == ", cause uncertain"
    assert cause_text(event(out_of_distribution=True)) == ", unlike the cries that the experts know"
    assert cause_text(event()) == ""


def test_a_brief_one_is_said_to_be():
    assert ", brief" in remarks_text(event(brief=True))
    assert ", brief" not in remarks_text(event())
