"""The address of a camera: checked, its password put in where ffmpeg needs it, and shown without any secret."""

import os
import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from edge.credentials import first_line, read_secret
from edge.errors import UserError

SCHEMES = ("rtsp", "rtsps", "http", "https", "udp")
CREDENTIAL = "camera"  # of the service, where no audio.password_file is named
PLACE = "{password}"  # in the address, for cameras that want the password there
SECRET = re.compile(r"(?i)\b(pass\w*|pwd|secret|token)=(?!\{password\}|&|$)[^&]")
WHERE_IT_GOES = (
    "write the password into a file that only you can read (chmod 600), and its path into audio.password_file; "
    "for the service, into /etc/cry-monitor/NAME.password, NAME being that of the configuration"
)


class Address(NamedTuple):
    """Where the sound comes from. Only `shown` may be told to anybody."""

    scheme: str
    shown: str
    with_password: str
    password: str
    raw_rate_hz: int  # of samples that come without any container, by udp; 0: ffmpeg finds out

    @property
    def is_rtsp(self) -> bool:
        """Whether it is asked by RTSP, which can be asked for the sound alone."""
        return self.scheme in ("rtsp", "rtsps")


def is_address(spec: str) -> bool:
    """Whether a source is one of the network."""
    return spec.partition("://")[0].lower() in SCHEMES and "://" in spec


def address_of(spec: str, password_file: str = "", raw_rate_hz: int = 0) -> Address:
    """The Address that a source and its password file come to.

    raw_rate_hz: Hz of 16-bit mono samples by udp, 0 where ffmpeg is to find out. Raises UserError: no such address, a
    password in it, a password file that cannot be read.
    """
    parts = checked_parts(spec)
    scheme, host, port, user = parts.scheme.lower(), parts.hostname, parts.port, parts.username
    secret = "" if scheme == "udp" else _password(password_file)
    host = "[{}]".format(host) if host and ":" in host else host or ""
    place = "{}{}".format(host, ":{}".format(port) if port else "")
    rest = parts.path + ("?" + parts.query if parts.query else "")
    login = _login(user, secret, rest) if scheme != "udp" else "@" * ("@" in parts.netloc)
    return Address(
        scheme,
        "{}://{}{}".format(scheme, place, _without_values(parts)),
        "{}://{}{}{}".format(scheme, login, place, rest.replace(PLACE, quote(secret, safe=""))),
        secret,
        raw_rate_hz if scheme == "udp" else 0,
    )


def checked_parts(spec: str) -> SplitResult:
    """The parts of an address of the network, which may hold no password. Raises UserError."""
    try:
        parts = urlsplit(spec)
        port, password = parts.port, parts.password
    except ValueError as error:
        raise UserError("audio.source is no address ({}): use rtsp://USER@HOST:PORT/PATH".format(error)) from None
    if password is not None or SECRET.search(parts.path + "?" + parts.query):
        raise UserError(
            "audio.source holds a password, which everybody could read there: take it out, and " + WHERE_IT_GOES
        )
    if re.search(r"[\s'\\\x00-\x1f]", spec):
        raise UserError("audio.source holds a space, a quote or a backslash: write it as %20, %27 or %5C")
    if not parts.hostname and not (parts.scheme.lower() == "udp" and port):
        raise UserError("audio.source names no camera: use {}://HOST:PORT/PATH".format(parts.scheme.lower()))
    return parts


def _login(user, secret, rest):
    """What stands before the host for ffmpeg."""
    if secret and not user and PLACE not in rest:
        raise UserError(
            "there is a password for the camera, and no user: write rtsp://USER@HOST/PATH as audio.source, or {} where "
            "the camera wants the password".format(PLACE)
        )
    if not user:
        return ""
    return user + (":" + quote(secret, safe="") if secret and PLACE not in rest else "") + "@"


def _password(path):
    """The password; "" when there is none. Raises UserError when the file that is named cannot be read."""
    if path:
        return read_secret("audio.password_file", path)
    credential = os.path.join(os.environ.get("CREDENTIALS_DIRECTORY", ""), CREDENTIAL)
    if os.path.isabs(credential) and os.path.exists(credential):
        return first_line(credential)
    return ""


def _without_values(parts):
    """The path, but for whatever could be a user or a password in it."""
    path = "/".join("..." if "=" in step or PLACE in step else step for step in parts.path.split("/"))
    return path + ("?..." if parts.query else "")
