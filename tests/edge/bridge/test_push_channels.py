"""How a message goes out, to real receivers, and what is said when it cannot."""

import json
import stat
import sys
import threading
import time

import pytest
from patience import PATIENCE_S
from receivers import free_port, until

from edge.bridge import channels
from edge.bridge.channels import Command, Ntfy, Pushover, Webhook, checked_url
from edge.bridge.outbox import MOST_WAITING, Outbox
from edge.bridge.push_rules import CRY, HIGH, Message
from edge.errors import UserError

MESSAGE = Message(CRY, "Crying", "for 2 min", HIGH, "nursery", 1.7e9)


def test_ntfy_gets_title_priority_and_token(receiver):
    assert Ntfy(receiver.url + "/topic", "secret").send(MESSAGE) == "200 OK"
    ((method, path, headers, body),) = receiver.requests
    assert (method, path, body) == ("POST", "/topic", b"for 2 min")
    assert (headers["Title"], headers["Priority"], headers["Authorization"]) == ("Crying", "4", "Bearer secret")


def test_ntfy_without_a_text_or_a_token_gets_the_title_alone(receiver):
    Ntfy(receiver.url + "/topic").send(MESSAGE._replace(text=""))
    ((_, _, headers, body),) = receiver.requests
    assert body == b"Crying" and headers["Tags"] == "cry" and "Authorization" not in headers
    assert headers["User-Agent"] == "cry-monitor"


def test_a_web_hook_has_its_token_and_says_that_it_sends_json(receiver):
    for token in ("", "secret"):
        assert Webhook(receiver.url, token).send(MESSAGE) == "200 OK"
    without, having = (headers for _, _, headers, _ in receiver.requests)
    assert "Authorization" not in without and having["Authorization"] == "Bearer secret"
    assert having["Content-Type"] == "application/json"
    fields = json.loads(receiver.requests[1][3].decode("utf-8"))
    assert fields == {
        "kind": "cry",
        "title": "Crying",
        "text": "for 2 min",
        "priority": 4,
        "at_utc": "2023-11-14T22:13:20.000Z",
    }


def test_the_words_that_are_shown_are_those_that_are_sent(receiver, tmp_path):
    hook_path = hook(tmp_path, "import sys; print(*sys.argv[1:])")
    one_of_each = [Ntfy(receiver.url), Pushover("u", "t", receiver.url), Webhook(receiver.url), Command(hook_path)]
    assert [channel.words(MESSAGE) for channel in one_of_each[:2]] == ["Crying: for 2 min"] * 2
    assert (
        one_of_each[0].words(MESSAGE._replace(text="")) == one_of_each[1].words(MESSAGE._replace(text="")) == "Crying"
    )
    one_of_each[2].send(MESSAGE)
    assert receiver.requests[0][3].decode("utf-8") == one_of_each[2].words(MESSAGE)
    assert one_of_each[3].send(MESSAGE) == one_of_each[3].words(MESSAGE) == "cry Crying for 2 min"


@pytest.mark.parametrize("priority, pushovers", [(5, "1"), (4, "1"), (3, "0")])
def test_pushover_counts_from_nought(receiver, priority, pushovers):
    Pushover("u", "t", receiver.url).send(MESSAGE._replace(priority=priority, text=""))
    ((_, _, headers, body),) = receiver.requests
    fields = dict(pair.split("=") for pair in body.decode("ascii").split("&"))
    assert (fields["priority"], fields["title"], fields["message"]) == (pushovers, "Crying", "Crying")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize("text, written", [("a  b\nc", "a b c"), ("~ !", "~ !"), ("\x7f", "=?utf-8?q?=7F?=")])
def test_a_header_is_one_line_of_plain_letters(text, written):
    assert channels.header_text(text) == written


def test_a_web_hook_gets_one_object(receiver):
    Webhook(receiver.url + "/hook").send(MESSAGE)
    fields = json.loads(receiver.requests[0][3].decode("utf-8"))
    assert (fields["kind"], fields["title"], fields["text"]) == ("cry", "Crying", "for 2 min")
    assert "nursery" not in json.dumps(fields)


def test_pushover_gets_its_form(receiver):
    Pushover("user", "token", receiver.url).send(MESSAGE)
    assert b"token=token" in receiver.requests[0][3] and b"user=user" in receiver.requests[0][3]


def test_a_title_of_any_letters_goes_through(receiver):
    Ntfy(receiver.url + "/t").send(MESSAGE._replace(title="Bébé\r\nX: y"))
    headers = receiver.requests[0][2]
    assert "X" not in headers and headers["Title"].startswith("=?utf-8?")


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refusal_is_said(receiver, status):
    receiver.status = status
    with pytest.raises(UserError, match=str(status)):
        Webhook(receiver.url).send(MESSAGE)


def test_a_redirect_is_not_followed(receiver):
    receiver.status, receiver.location = 302, receiver.url + "/elsewhere"
    with pytest.raises(UserError, match="not followed"):
        Webhook(receiver.url, "secret").send(MESSAGE)
    assert len(receiver.requests) == 1


def test_nobody_there_is_said_in_words():
    with pytest.raises(UserError, match="nobody listens there"):
        Webhook("http://127.0.0.1:{}".format(free_port())).send(MESSAGE)


def test_an_answer_that_never_comes_is_said(receiver):
    receiver.delay_s = 3.0
    with pytest.raises(UserError, match="no answer in time"):
        channels.post(receiver.url, b"", {}, timeout_s=0.2)


def test_tls_where_there_is_none_is_said(receiver):
    with pytest.raises(UserError, match="TLS"):
        Webhook(receiver.url.replace("http:", "https:")).send(MESSAGE)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x/", "http://", "http:///x", "x", "http://a b/", "http://a/\x7f", "http://a/\t", "http://[::1/"]
    + ["http://u:p@host/", "http://u@host/", "http://:p@host/", "http://h:99999/", "http://h:x/"],
)
def test_an_address_that_cannot_be_is_refused(url):
    with pytest.raises(UserError, match="push.webhook"):
        checked_url("push.webhook", url)


def hook(tmp_path, text):
    path = tmp_path / "hook"
    path.write_text("#!{}\n{}".format(sys.executable, text))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_command_gets_arguments_and_no_shell(tmp_path):
    path = hook(tmp_path, "import sys; print(sys.argv[1:])")
    assert Command(path + " 'a b' $HOME ;").send(MESSAGE) == "['a b', '$HOME', ';', 'cry', 'Crying', 'for 2 min']"


@pytest.mark.parametrize(
    "text, timeout_s, words",
    [
        ("import sys; print('no phone'); sys.exit(3)", 30.0, "status 3: no phone"),
        ("import time; time.sleep(60)", 0.3, "did not end within"),
        ("while True: print('x' * 1000)", 0.3, "did not end within"),
    ],
)
def test_a_command_that_fails_hangs_or_prints_without_end(tmp_path, text, timeout_s, words):
    started = time.monotonic()
    with pytest.raises(UserError, match=words):
        Command(hook(tmp_path, text), timeout_s).send(MESSAGE)
    assert time.monotonic() - started < 30.0


def test_what_a_command_says_is_one_line_of_two_hundred_letters_and_nothing_is_done(tmp_path):
    assert Command(hook(tmp_path, "print('two'); print('lines')")).send(MESSAGE) == "two lines"
    assert Command(hook(tmp_path, "print('x' * 5000)")).send(MESSAGE) == "x" * 200
    assert Command(hook(tmp_path, "import sys; print('to stderr', file=sys.stderr)")).send(MESSAGE) == "to stderr"
    assert Command(hook(tmp_path, "pass")).send(MESSAGE) == "done"
    assert Command(hook(tmp_path, "import sys; print(repr(sys.stdin.read()))")).send(MESSAGE) == "''"
    assert Command("/bin/echo a").destination == "/bin/echo"


def test_a_command_that_is_not_there():
    with pytest.raises(UserError, match="does not start"):
        Command("/nowhere/hook").send(MESSAGE)
    with pytest.raises(UserError, match="push.command"):
        Command("hook 'without end")


def now(message=MESSAGE):
    return message._replace(at_utc=time.time())


def test_the_outbox_tries_again_and_says_what_is_lost(receiver):
    receiver.status = 500
    outbox = Outbox(Webhook(receiver.url), pauses_s=(0.01, 0.01))
    outbox.put(now())
    until(lambda: outbox.lost == 1)
    assert len(receiver.requests) == 3 and outbox.told == 0 and "500" in outbox.trouble
    receiver.status = 200
    outbox.put(now())
    until(lambda: outbox.told == 1)
    assert outbox.trouble == ""
    outbox.close()


class Scripted(object):
    """A channel that does one thing after the other: raise, or answer."""

    name, destination = "scripted", "nowhere"

    def __init__(self, *does):
        self.does, self.sent = list(does), []

    def send(self, message):
        self.sent.append(message)
        does = self.does.pop(0)
        if isinstance(does, Exception):
            raise does
        return does


def reported(channel, message, pauses_s=(0.0, 0.0)):
    """What an outbox reports of one message, and the outbox."""
    reports = []
    outbox = Outbox(channel, pauses_s, lambda message, by, trouble: reports.append((message, by, trouble)))
    outbox.put(message)
    until(lambda: reports)
    outbox.close()
    return reports, outbox


def test_a_message_that_arrives_is_reported_once_whatever_went_before():
    message = now()
    channel = Scripted(UserError("no phone"), ZeroDivisionError("of its own making"), "rung")
    reports, outbox = reported(channel, message)
    assert reports == [(message, "scripted", "")]
    assert (outbox.told, outbox.lost, outbox.trouble) == (1, 0, "")


def test_a_message_that_is_lost_is_reported_with_the_last_reason():
    message = now()
    channel = Scripted(UserError("a"), UserError("b"), ZeroDivisionError("c"), "never asked")
    reports, outbox = reported(channel, message)
    assert reports == [(message, "scripted", "ZeroDivisionError: c")]
    assert (outbox.told, outbox.lost, outbox.trouble) == (0, 1, "ZeroDivisionError: c")
    assert channel.does == ["never asked"]


@pytest.mark.parametrize("age_s, tries", [(590.0, 3), (601.0, 1)])
def test_a_cry_of_ten_minutes_ago_is_no_news(age_s, tries):
    channel = Scripted(*[UserError("no phone")] * 3)
    reported(channel, MESSAGE._replace(at_utc=time.time() - age_s))
    assert len(channel.sent) == tries


def test_it_is_tried_again_after_2_8_and_30_seconds():
    outbox = Outbox(Scripted(*[UserError("no phone")] * 4))
    waits = []
    outbox._ended.wait = lambda pause_s: waits.append(pause_s)
    outbox.put(now())
    until(lambda: outbox.lost)
    assert waits == [2.0, 8.0, 30.0]


def test_a_receiver_that_hangs_is_never_waited_for(receiver):
    receiver.delay_s = PATIENCE_S
    outbox = Outbox(Webhook(receiver.url), pauses_s=())
    started = time.monotonic()
    for _ in range(3 * MOST_WAITING):
        outbox.put(now())
    assert time.monotonic() - started < PATIENCE_S / 10
    assert outbox.lost >= 2 * MOST_WAITING - 2  # the newest wait, the oldest are said to be lost
    outbox.close(0.01)


def test_what_still_waits_at_the_end_is_said_to_be_lost(caplog):
    outbox = Outbox(Hung(), pauses_s=())
    for _ in range(3):
        outbox.put(MESSAGE)
    until(lambda: outbox.channel.began.is_set())
    outbox.close(patience_s=0.1)
    assert outbox.lost == 2
    assert caplog.text.count("the bridge ends") == 2
    outbox.channel.go_on.set()


class Hung(object):
    """A channel whose receiver accepts and does not answer until it is told to."""

    name, destination = "hung", "nowhere"

    def __init__(self):
        self.began, self.go_on = threading.Event(), threading.Event()

    def send(self, message):
        self.began.set()
        self.go_on.wait(60)
        return "late"
