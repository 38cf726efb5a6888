"""`bridge --test`: a line for each destination as it answers, and a status that says whether all did."""

import io
import sys

import pytest
from receivers import free_port

from edge.bridge.channels import Command, Ntfy, Webhook
from edge.bridge.heartbeat import Heartbeat
from edge.bridge.trial import connect, said, try_everything
from edge.errors import UserError


class Parts:
    def __init__(self, channels=(), broker=None, heartbeat=None):
        self.channels, self.broker, self.heartbeat = channels, broker, heartbeat


class Broker:
    """One that comes to that: connected, or not and why, after being looked at so often."""

    destination = "mqtt://h:1883"

    def __init__(self, trouble="", looks=2):
        self.did = []
        self._trouble, self._looks = trouble, looks

    @property
    def is_connected(self):
        self._looks -= 1
        return self._looks <= 0 and not self._trouble

    @property
    def trouble(self):
        return self._trouble if self._looks <= 0 else "not connected yet"

    def start(self):
        self.did.append("start")

    def close(self):
        self.did.append("close")


def test_everything_is_rung_once_and_answers(receiver, capsys):
    broker = Broker()
    channels = [Ntfy(receiver.url + "/t"), Command("echo rings")]
    assert try_everything(Parts(channels, broker, Heartbeat(receiver.url + "/b", 60.0, lambda: False))) == 0
    assert capsys.readouterr().out.splitlines() == [
        "push.ntfy        {}/t: 200 OK".format(receiver.url),
        "push.command     echo: rings test Test cry-monitor can reach you",
        "mqtt             mqtt://h:1883: connected",
        "heartbeat        {}/b: 200 OK".format(receiver.url),
    ]
    assert [(method, path) for method, path, _, _ in receiver.requests] == [("POST", "/t"), ("GET", "/b")]
    (headers, body) = receiver.requests[0][2:]
    assert (headers["Title"], headers["Priority"], body) == ("Test", "3", b"cry-monitor can reach you")
    assert broker.did == ["start", "close"]


def test_one_that_does_not_answer_is_said_and_the_others_are_rung(receiver, capsys):
    nobody = Webhook("http://127.0.0.1:{}/".format(free_port()))
    assert try_everything(Parts([nobody, Ntfy(receiver.url)])) == 1
    failed, rung = capsys.readouterr().out.splitlines()
    assert failed.startswith("push.webhook     {}: FAILED: 127.0.0.1:".format(nobody.destination))
    assert rung.endswith("200 OK")
    assert try_everything(Parts()) == 0


def test_each_is_said_before_the_next_is_rung(monkeypatch):
    """Also where the output is a pipe, and one of them takes ten seconds."""
    seen = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(seen)))
    assert said("one", "there", lambda: "well")
    assert seen.getvalue() == b"one              there: well\n"
    assert not said("two", "there\x1b[2J", raising)
    assert seen.getvalue().splitlines()[1] == b"two              there\\x1b[2J: FAILED: no phone"


def raising():
    raise UserError("no phone")


def test_connecting_waits_for_the_broker_and_says_goodbye():
    broker = Broker(looks=3)
    assert connect(broker) == "connected"
    assert broker.did == ["start", "close"]


def test_why_the_broker_refuses_is_said_at_once(monkeypatch):
    waits = []
    monkeypatch.setattr("edge.bridge.trial.time.sleep", waits.append)
    broker = Broker("it refuses", looks=2)
    with pytest.raises(UserError, match="^it refuses$"):
        connect(broker)
    assert broker.did == ["start", "close"] and len(waits) <= 1


def test_a_broker_that_says_nothing_is_given_up_after_ten_seconds(monkeypatch):
    now_s = [50.0]
    monkeypatch.setattr("edge.bridge.trial.time.monotonic", lambda: now_s[0])
    monkeypatch.setattr("edge.bridge.trial.time.sleep", lambda seconds: now_s.__setitem__(0, now_s[0] + seconds))
    broker = Broker(looks=10**9)
    with pytest.raises(UserError, match="^no answer within 10 s$"):
        connect(broker)
    assert now_s[0] == pytest.approx(60.0, abs=0.1)
    assert broker.did == ["start", "close"]
