"""Errors of the network, in words that say what to check."""

import socket
import ssl
import urllib.error

import pytest

from edge.bridge.words import words_of

TRUST = "its certificate is not trusted: {}"


def unverified(message="self signed certificate"):
    error = ssl.SSLError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1)")
    error.verify_message = message
    return error


@pytest.mark.parametrize(
    "error, said",
    [
        (socket.timeout("timed out"), "no answer in time: is it running, and is that its port?"),
        (OSError("the read operation timed out"), "no answer in time: is it running, and is that its port?"),
        (socket.gaierror(-2, "Name or service not known"), "no such host: check the name and that this machine has"),
        (unverified(), TRUST.format("self signed certificate")),
        (unverified(""), TRUST.format("[SSL: CERTIFICATE_VERIFY_FAILED]")),  # what else is known
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "it does not speak TLS there"),
        (ssl.SSLError(1, "[SSL: UNSUPPORTED] so"), "TLS failed: "),
        (ConnectionRefusedError(111, "Connection refused"), "nobody listens there: is it running, and is that its"),
        (OSError(113, "No route to host"), "No route to host"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_error_is_one_line_wherever_it_is_wrapped(error, said):
    for wrapped in (error, urllib.error.URLError(error), urllib.error.URLError(urllib.error.URLError(error))):
        assert words_of(wrapped).startswith(said)
        assert "\n" not in words_of(wrapped)


def test_an_error_that_says_too_much_is_cut():
    assert len(words_of(ValueError("x" * 1000))) == 200
