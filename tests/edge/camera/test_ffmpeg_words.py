"""What ffmpeg prints when it fails becomes words; the address and the password are never among them."""

import pytest

from edge.camera.words import blames_the_stream, meaning_of

SAID = {
    "refuses the user or the password (401)": "pipe:0: Server returned 401 Unauthorized (authorization failed)",
    "has no such stream (404)": "[rtsp @ 0x5] method DESCRIBE failed: 404 Not Found",
    "refuses the connection": "[tcp @ 0x5] Connection to tcp://h:1?timeout=5 failed: Connection refused",
    "cannot be found": "[tcp @ 0x5] Failed to resolve hostname h: Name or service not known",
    "does not answer": "pipe:0: Connection timed out",
    "sends no sound": "Output file #0 does not contain any stream",
    "sends no sound that ffmpeg knows": "pipe:0: Invalid data found when processing input",
}


@pytest.mark.parametrize("meaning", sorted(SAID))
def test_what_ffmpeg_says_becomes_words(meaning):
    lines = ["[concat @ 0x5] Impossible to open 'rtsp://baby:secret@h/cot'", SAID[meaning]]
    assert meaning_of(lines, "secret").startswith(meaning) and "secret" not in meaning_of(lines, "secret")


def test_a_session_that_is_not_found_is_no_path_that_is_not_found():
    assert meaning_of(["method PLAY failed: 454 Session Not Found"]).startswith("sends no sound")


def test_a_line_that_nobody_has_foreseen_is_told_without_secrets():
    assert meaning_of(["[x @ 0x1] odd thing with rtsp://baby:secret@h/cot"]) == (
        "cannot be heard (ffmpeg: odd thing with its address)"
    )
    assert "secret" not in meaning_of(["first", "odd thing with secret"], "secret")
    assert meaning_of(["secret"], "secret") == "" == meaning_of([])


@pytest.mark.parametrize(
    "line, blamed",
    [
        ("method PLAY failed: 454 Session Not Found", True),
        ("", True),
        (SAID["does not answer"], False),
        (SAID["has no such stream (404)"], False),
        (SAID["refuses the connection"], False),
    ],
)
def test_only_what_may_lie_in_how_it_was_asked_is_asked_for_in_another_way(line, blamed):
    assert blames_the_stream([line]) is blamed
