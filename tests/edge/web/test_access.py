"""Who may ask the page."""

import base64

import pytest
from monitor_messages import Clock

from edge.web.access import FAILURES_ALLOWED, FORGIVEN_AFTER_S, Access, password_of


def basic(text):
    return "Basic " + base64.b64encode(text.encode("utf-8")).decode("ascii")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8137", "[::1]:8137", "Monitor.local:8137"])
def test_our_names(host):
    assert Access({"monitor.local"}, None).is_our_name(host)


@pytest.mark.parametrize("host", [None, "", "evil.example", "localhost.evil.example", "x" * 5000])
def test_other_names(host):
    assert not Access(set(), None).is_our_name(host)


def test_a_write_comes_from_our_page_or_from_no_page():
    access = Access(set(), None)
    assert access.is_our_origin(None, "localhost:1")
    assert access.is_our_origin("http://localhost:1", "localhost:1")
    for origin in ("http://evil.example", "http://localhost:2", "null", ""):
        assert not access.is_our_origin(origin, "localhost:1")


def test_a_password_by_basic_or_bearer():
    access = Access(set(), "pärol")
    assert access.is_allowed(basic("anyone:pärol"), "a")
    assert access.is_allowed("Bearer pärol", "a")
    for wrong in (None, "", basic("pärol:"), "Bearer", "Basic ???", basic("x:y"), "Digest x"):
        assert not access.is_allowed(wrong, "a")
    assert Access(set(), None).is_allowed(None, "a")


def test_who_guesses_has_to_wait_and_others_do_not():
    clock = Clock()
    access = Access(set(), "word", clock)
    for _ in range(FAILURES_ALLOWED):
        assert not access.must_wait("guesser")
        access.is_allowed("Bearer guess", "guesser")
    assert access.must_wait("guesser") and not access.must_wait("owner")
    clock.now_s += FORGIVEN_AFTER_S + 1
    assert not access.must_wait("guesser")


def test_no_password_was_given_is_no_guess():
    access = Access(set(), "word")
    for _ in range(100):
        access.is_allowed(None, "browser")
    assert not access.must_wait("browser")


def test_a_header_of_any_bytes_is_no_password():
    assert password_of("Basic \udcff") is None
