"""What ffmpeg says when it fails, in words for a person; an address or a password is never among them."""

import re
from typing import List

MAY_NOT = "may not be reached from here"
# What is looked for in its last lines, and what it means. The first that is found counts.
MEANINGS = (
    (r"401 Unauthorized", "refuses the user or the password (401): check USER in audio.source, and the password file"),
    (r"403 Forbidden", "forbids it (403): give the user of the camera the right to its stream"),
    (r"does not contain any stream|matches no streams|454 Session", "sends no sound: switch its microphone on"),
    (
        r"404 Not Found|returned 404",
        "has no such stream (404): check the path in audio.source with the camera's manual",
    ),
    (r"Connection refused", "refuses the connection: check the port, and that its stream is switched on"),
    (r"No route to host|Network is unreachable|Host is down", "cannot be reached: check its address and its network"),
    (r"Operation not permitted|Permission denied", MAY_NOT + ": see IPAddressAllow of its service"),
    (r"resolve hostname|Name or service not known", "cannot be found: there is no such name in this network"),
    (r"timed out", "does not answer: check that it is switched on, and its address"),
    (r"453 Not Enough|503 Service|Too many", "has no stream left for another listener: end one of the others"),
    (r"[Cc]ertificate|TLS|SSL", "has no certificate that this machine trusts: use rtsp:// or http:// inside the house"),
    (r"Protocol not found|not on whitelist", "speaks what this ffmpeg does not: install Debian's"),
    (r"Invalid data", "sends no sound that ffmpeg knows: see the camera's codec, or audio.raw_rate_hz for raw samples"),
    (r"5XX|Internal Server Error", "has an error of its own (5xx): restart it"),
    (r"End of file|Broken pipe|Connection reset", "ended the connection: see whether it is restarting"),
)
# After these, asking for the whole stream in place of the sound alone would change nothing.
NOT_THE_STREAM = re.compile(r"40[134] |refused|No route|unreachable|resolve|not known|timed out|503|453|whitelist")
LONGEST = 160  # characters of a line that nobody has foreseen


def meaning_of(lines: List[str], password: str = "") -> str:
    """What the last lines of a failed ffmpeg come to: follows the camera's name. "" when it said nothing."""
    text = "\n".join(lines)
    for pattern, meaning in MEANINGS:
        if re.search(pattern, text):
            return meaning
    fit = [line for line in lines if not password or password not in line]
    if not fit:
        return ""
    line = re.sub(r"\S+://\S+", "its address", re.sub(r"^\[[^]]*\] *", "", fit[-1]))
    return "cannot be heard (ffmpeg: {})".format(line[:LONGEST])


def has_no_sound(lines: List[str]) -> bool:
    """Whether all of a camera's streams were seen, and none of them was sound."""
    return "does not contain any stream" in "\n".join(lines)


def blames_the_stream(lines: List[str]) -> bool:
    """Whether the failure may lie in how the stream was asked for, not in the camera or the way there."""
    return not NOT_THE_STREAM.search("\n".join(lines))
