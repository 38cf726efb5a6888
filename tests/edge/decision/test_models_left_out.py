"""A model that answers no number is said once, to whoever is to be told; that it answers again is said too."""

import numpy as np
import pytest

from edge.decision.left_out import LeftOut, is_answer

REST = "the rest hears on"
REASON = "it answers what is no number: the rest hears on"


def test_each_is_said_once_while_it_is_left_out():
    said = []
    left_out = LeftOut(lambda *words: said.append(words))
    for title in ("detector", "detector", "expert ios", "detector"):
        left_out.add(title, REST)
    assert left_out.reasons == {"detector": REASON, "expert ios": REASON}
    assert said == [("detector", REASON, False), ("expert ios", REASON, False)]
    left_out.remove("detector")
    left_out.remove("detector")  # it was not left out
    assert said[2:] == [("detector", "it answers again", True)]
    assert left_out.reasons == {"expert ios": REASON}
    left_out.add("detector", REST)
    assert said[3:] == [("detector", REASON, False)]


def test_without_anybody_to_tell_the_log_has_it(caplog):
    left_out = LeftOut()
    left_out.add("verifier", REST)
    left_out.remove("verifier")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "the verifier: " + REASON),
        ("WARNING", "the verifier: it answers again"),
    ]


@pytest.mark.parametrize(
    "values, are_numbers",
    [([0.0], True), ([1e30, -5.0], True), ([0.0, np.nan], False), ([np.inf, 1.0], False), ([np.inf, -np.inf], False)],
)
@pytest.mark.filterwarnings("ignore:invalid")
def test_an_answer_is_made_of_numbers(values, are_numbers):
    assert is_answer(np.array(values, np.float32)) is are_numbers
