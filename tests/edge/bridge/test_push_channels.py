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
from edge.credentials import read_secret
from edge.errors import UserError

MESSAGE = Message(CRY, "Crying", "for 2 min", HIGH, "nursery", 1.7e9)


def test_ntfy_gets_title_priority_and_token(receiver):
    assert Ntfy(receiver.url + "/topic", "secret").send(MESSAGE) == "200 OK"
    ((method, path, headers, body),) = receiver.requests
    assert (method, path, body) == ("POST", "/topic", b"for 2 min")
    assert (headers["Title"], headers["Priority"], headers["Authorization"]) == ("Crying", "4", "Bearer secret")


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
    ["", "ftp://x/", "http://", "http:///x", "x", "http://a b/", "http://[::1/", "http://u:p@host/", "http://h:99999/"],
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
        ("import time; time.sleep(60)", 1.0, "did not end within"),
        ("while True: print('x' * 1000)", 1.0, "did not end within"),
    ],
)
def test_a_command_that_fails_hangs_or_prints_without_end(tmp_path, text, timeout_s, words):
    started = time.monotonic()
    with pytest.raises(UserError, match=words):
        Command(hook(tmp_path, text), timeout_s).send(MESSAGE)
    assert time.monotonic() - started < 30.0


def test_a_command_that_is_not_there():
    with pytest.raises(UserError, match="does not start"):
        Command("/nowhere/hook").send(MESSAGE)
    with pytest.raises(UserError, match="push.command"):
        Command("hook 'without end")


def test_a_secret_is_a_files_first_line(tmp_path):
    path = tmp_path / "secret"
    path.write_text("word\nmore\n")
    assert read_secret("push.x", str(path)) == "word"
    assert read_secret("push.x", "") == ""
    path.write_text("\n")
    for bad in (str(path), str(tmp_path / "none")):
        with pytest.raises(UserError, match="push.x"):
            read_secret("push.x", bad)


def test_a_credential_of_the_service_is_found(tmp_path, monkeypatch):
    (tmp_path / "mqtt").write_text("word")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret("mqtt.password_file", "mqtt") == "word"


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


@pytest.mark.parametrize("content", [b"", b"\n", b"  \nword\n", b"\nword"])
def test_a_credential_file_without_a_word_on_its_first_line_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UserError, match="holds no password on its first line"):
        read_secret("push.token_file", str(path))


def test_the_first_line_of_a_credential_file_is_the_secret(tmp_path):
    (tmp_path / "token").write_bytes(b" word \n\n  \n")
    assert read_secret("push.token_file", str(tmp_path / "token")) == "word"
