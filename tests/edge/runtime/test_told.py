"""What the bridge says it told whom: kept short and plain, the newest last."""

import pytest

from edge.errors import UserError
from edge.runtime.told import LONGEST, told_requests
from edge.status import MOST_TOLD, Status


@pytest.fixture
def status():
    return Status()


def test_the_newest_are_kept(status):
    answer = told_requests(status)["told"]
    for number in range(MOST_TOLD + 3):
        assert answer({"by": "push.ntfy", "what": "Crying {}".format(number), "trouble": ""}) == {}
    told = status.snapshot()["told"]
    assert len(told) == MOST_TOLD and told[-1]["what"] == "Crying {}".format(MOST_TOLD + 2)
    assert set(told[0]) == {"at_utc", "by", "what", "trouble"}


def test_a_text_is_bounded_and_plain_and_nothing_else_is_taken(status):
    answer = told_requests(status)["told"]
    answer({"by": "\x1b[2J" + "x" * 4000})
    (told,) = status.snapshot()["told"]
    assert len(told["by"]) == LONGEST and told["by"].startswith("\\x1b[2J") and told["what"] == ""
    with pytest.raises(UserError):
        answer({"by": ["push.ntfy"]})
