"""How a message goes out: ntfy, Pushover, a web hook, a command. No address is built in."""

import json
import os
import select
import shlex
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import List, Optional
from urllib.parse import urlencode, urlsplit

from edge.bridge.push_rules import Message
from edge.bridge.words import words_of
from edge.credentials import read_secret
from edge.errors import UserError
from edge.log import iso_utc

TIMEOUT_S = 10.0
LONGEST_ANSWER = 4096  # bytes of what a server or a command says
PUSHOVER_URL = "https://api.pushover.net/1/messages.json"


class Channel(object):
    """One way to tell a person. name: its key in the configuration; destination: where it goes, without secrets."""

    name = ""
    destination = ""

    def send(self, message: Message) -> str:
        """Send; return what the other end answered. Raises UserError, in words, when it did not take it."""
        raise NotImplementedError

    def words(self, message: Message) -> str:
        """The very words that leave this machine."""
        raise NotImplementedError


class Ntfy(Channel):
    """https://SERVER/TOPIC: whoever knows the topic of a public server can read it."""

    name = "push.ntfy"

    def __init__(self, url: str, token: str = ""):
        self.destination = self._url = checked_url(self.name, url)
        self._token = token

    def words(self, message):
        return ": ".join(filter(None, (message.title, message.text)))

    def send(self, message):
        headers = {"Title": header_text(message.title), "Priority": str(message.priority), "Tags": message.kind}
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        return post(self._url, (message.text or message.title).encode("utf-8"), headers)


class Pushover(Channel):
    """pushover.net, or a server of the same interface."""

    name = "push.pushover"
    PRIORITIES = {5: 1, 4: 1, 3: 0}

    def __init__(self, user: str, token: str, url: str = PUSHOVER_URL):
        self.destination = self._url = checked_url(self.name, url)
        self._secrets = {"user": user, "token": token}

    def words(self, message):
        return ": ".join(filter(None, (message.title, message.text)))

    def send(self, message):
        fields = dict(
            self._secrets,
            title=message.title,
            message=message.text or message.title,
            priority=self.PRIORITIES[message.priority],
        )
        return post(self._url, urlencode(fields).encode("ascii"), {"Content-Type": "application/x-www-form-urlencoded"})


class Webhook(Channel):
    """A POST of one JSON object."""

    name = "push.webhook"

    def __init__(self, url: str, token: str = ""):
        self.destination = self._url = checked_url(self.name, url)
        self._token = token

    def words(self, message):
        return json.dumps(as_object(message))

    def send(self, message):
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        return post(self._url, self.words(message).encode("utf-8"), headers)


class Command(Channel):
    """A program of the owner's, with the kind, the title and the text as its last arguments; no shell."""

    name = "push.command"

    def __init__(self, command: str, timeout_s: float = TIMEOUT_S):
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise UserError("{} = {!r}: {}; quote it as for a shell".format(self.name, command, error)) from error
        self.destination = self._arguments[0]
        self._timeout_s = timeout_s

    def words(self, message):
        return " ".join([message.kind, message.title, message.text])

    def send(self, message):
        try:
            process = subprocess.Popen(
                self._arguments + [message.kind, message.title, message.text],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise UserError("{} does not start ({}): check push.command".format(self.destination, error)) from error
        said = _output(process, self._timeout_s)
        if process.returncode is None:
            raise UserError("{} did not end within {:g} s and was ended".format(self.destination, self._timeout_s))
        if process.returncode != 0:
            raise UserError("{} ended with status {}: {}".format(self.destination, process.returncode, said))
        return said or "done"


def _output(process, timeout_s) -> str:
    """The first bytes that a process says; one that does not end is killed with all that it started."""
    said, until_s = b"", time.monotonic() + timeout_s
    number = process.stdout.fileno()
    while True:
        ready, _, _ = select.select([number], [], [], max(0.0, until_s - time.monotonic()))
        chunk = os.read(number, 65536) if ready else b""
        if not chunk:
            break
        said = (said + chunk)[:LONGEST_ANSWER]  # the rest is read and forgotten: it must not block
        if time.monotonic() > until_s:
            break
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, until_s - time.monotonic()))
    returncode = process.poll()
    with suppress(OSError):  # nothing is left of it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.returncode = returncode
    process.stdout.close()
    return " ".join(said.decode("utf-8", "replace").split())[:200]


def as_object(message: Message) -> dict:
    """A message for other programs."""
    return {
        "kind": message.kind,
        "title": message.title,
        "text": message.text,
        "priority": message.priority,
        "at_utc": iso_utc(message.at_utc),
    }


def header_text(text: str) -> str:
    """Text as HTTP headers carry it (RFC 2047)."""
    from email.header import Header

    text = " ".join(text.split())
    return text if all(32 <= ord(c) < 127 for c in text) else Header(text, "utf-8").encode()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What is redirected would take its credentials along."""

    def redirect_request(self, request, fp, code, msg, headers, newurl):
        raise UserError("{} sends elsewhere ({}), which is not followed: give that address".format(code, newurl[:200]))


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


def post(url: str, body: Optional[bytes], headers: dict, timeout_s: float = TIMEOUT_S) -> str:
    """POST a body, or GET without one; what the server answered. Raises UserError in words."""
    request = urllib.request.Request(url, data=body, headers=dict(headers, **{"User-Agent": "cry-monitor"}))
    try:
        with _OPENER.open(request, timeout=timeout_s) as answer:
            answer.read(LONGEST_ANSWER)
            return "{} {}".format(answer.status, answer.reason)
    except urllib.error.HTTPError as error:
        with error:
            raise UserError("{} answers {} {}".format(urlsplit(url).netloc, error.code, error.reason)) from error
    except UserError:
        raise
    except Exception as error:
        raise UserError("{}: {}".format(urlsplit(url).netloc, words_of(error))) from error


def checked_url(key: str, url: str) -> str:
    """The address, if it is one that a request can be sent to. Raises UserError."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or any(ord(c) <= 32 or ord(c) == 127 for c in url):
        raise UserError("{} is {!r}: use http:// or https:// and an address".format(key, url))
    if parts.username or parts.password:
        raise UserError("{} holds a user name or password: put it into a file, see {}_token_file".format(key, key))
    return url


def channels_of(push) -> List[Channel]:
    """The channels that the [push] settings name. Raises UserError."""
    channels = []  # type: List[Channel]
    if push.ntfy:
        channels.append(Ntfy(push.ntfy, read_secret("push.ntfy_token_file", push.ntfy_token_file)))
    if push.pushover_user_file or push.pushover_token_file:
        user = read_secret("push.pushover_user_file", push.pushover_user_file)
        token = read_secret("push.pushover_token_file", push.pushover_token_file)
        if not user or not token:
            raise UserError("push.pushover_user_file and push.pushover_token_file: Pushover needs both")
        channels.append(Pushover(user, token, push.pushover_url))
    if push.webhook:
        channels.append(Webhook(push.webhook, read_secret("push.webhook_token_file", push.webhook_token_file)))
    if push.command:
        channels.append(Command(push.command))
    return channels
