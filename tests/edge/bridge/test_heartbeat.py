"""The dead man's switch: asked while frames are processed and then alone, whoever hangs; its trouble is said once."""

import time

import pytest
from monitor_messages import frame, status
from patience import PATIENCE_S
from receivers import free_port, until

from edge.bridge.heartbeat import Heartbeat
from edge.bridge.house import House
from edge.bridge.push_rules import PushSettings
from edge.errors import UserError
from edge.following.sensors import Sensors

EVERY_S = 0.02


@pytest.fixture
def beating(receiver):
    """beating(alive, url) -> a Heartbeat that has begun."""
    begun = []

    def beating(alive, url=receiver.url):
        begun.append(Heartbeat(url, EVERY_S, alive))
        begun[-1].start()
        return begun[-1]

    yield beating
    for heartbeat in begun:
        heartbeat.close()


def test_it_is_asked_while_frames_are_processed_and_not_in_a_loss_or_a_pause(beating, receiver):
    house = House({"nursery": Sensors("nursery")}, [], PushSettings(), {}, None)
    house.take("nursery", status())
    house.take("nursery", frame())
    beating(lambda: house.frames_flow)
    until(lambda: len(receiver.requests) >= 3)
    assert {(method, body) for method, _, _, body in receiver.requests} == {("GET", b"")}
    for state in ("lost", "paused"):
        house.take("nursery", status(state))
        asked = settled(receiver)
        assert len(receiver.requests) == asked
        house.take("nursery", status())
        until(lambda asked=asked: len(receiver.requests) > asked)


def test_one_monitor_that_does_not_hear_is_enough(beating, receiver):
    house = House({name: Sensors(name) for name in ("nursery", "attic")}, [], PushSettings(), {}, None)
    house.take("nursery", status())
    house.take("nursery", frame())
    assert not house.frames_flow
    house.take("attic", status())
    assert house.frames_flow


def test_trouble_is_said_once_and_its_end_too(beating, receiver, caplog):
    caplog.set_level("INFO")
    receiver.status = 500
    beating(lambda: True)
    until(lambda: len(receiver.requests) > 5)
    receiver.status = 200
    until(lambda: "heartbeat again" in caplog.text)
    assert caplog.text.count("no heartbeat") == 1


def test_a_switch_that_hangs_is_waited_for_by_nobody_else(beating, receiver):
    receiver.delay_s = PATIENCE_S
    started_s = time.monotonic()
    beating(lambda: True).close()
    assert time.monotonic() - started_s < PATIENCE_S / 10


def test_what_it_says_of_nobody_and_of_no_address():
    with pytest.raises(UserError, match="nobody listens"):
        Heartbeat("http://127.0.0.1:{}".format(free_port()), 60.0, lambda: True).beat()
    for url in ("", "x", "ftp://h/", "http://u:p@h/"):
        with pytest.raises(UserError, match="heartbeat.url"):
            Heartbeat(url, 60.0, lambda: True)


def settled(receiver):
    """How many requests there are once those on their way have come."""
    while True:
        before = len(receiver.requests)
        time.sleep(10 * EVERY_S)
        if len(receiver.requests) == before:
            return before
