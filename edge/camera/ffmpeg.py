"""How ffmpeg is started: the address is in a list on its standard input, never in its arguments."""

import os
import re
import shutil
import subprocess
from typing import List

from edge.camera.address import Address
from edge.errors import UserError
from edge.runtime.children import end_with_parent

KNOWS_OPTIONS = 5  # ffmpeg from here on takes options in a list
TIMEOUT_US = 5000000  # of the network, in ffmpeg
LOOKED_AT_US = 1000000  # of all streams, for what a camera does not say of them itself
PROTOCOLS = "pipe,tcp,udp,rtp,rtsp,rtsps,srtp,tls,http,https,crypto"  # not file: what a server names is no path here
# Native rate and channels, in a container whose header is 28 bytes; every packet at once.
OUTPUT = ["-vn", "-sn", "-dn", "-c:a", "pcm_f32be", "-flush_packets", "1", "-fflags", "+bitexact", "-f", "au", "pipe:1"]
BEGIN = ["-nostdin", "-hide_banner", "-loglevel", "warning"]

_versions = {}  # by path


def program() -> str:
    """The path of ffmpeg. Raises UserError."""
    path = shutil.which("ffmpeg")
    if path is None:
        raise UserError("a camera is heard through ffmpeg, which is not installed: apt install ffmpeg")
    return path


def version_of(path: str) -> int:
    """Its major version; one that was built from source without a number is taken for new."""
    if path not in _versions:
        try:
            said = subprocess.check_output([path, "-version"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise UserError("{} does not run ({}): apt install --reinstall ffmpeg".format(path, error)) from error
        number = re.match(rb"ffmpeg version n?(\d+)\.", said)
        _versions[path] = int(number.group(1)) if number else KNOWS_OPTIONS
    return _versions[path]


def knows_options() -> bool:
    """Whether the ffmpeg that is found takes options in a list."""
    return version_of(program()) >= KNOWS_OPTIONS


def arguments_of(address: Address) -> List[str]:
    """ffmpeg's arguments, without any address but that of raw samples, which has no password."""
    if address.raw_rate_hz:
        raw = ["-f", "s16le", "-ar", str(address.raw_rate_hz), "-ac", "1"]
        return BEGIN + raw + ["-i", address.with_password] + OUTPUT
    concat = ["-f", "concat", "-safe", "0", "-protocol_whitelist", PROTOCOLS, "-i", "pipe:0"]
    return BEGIN + concat + OUTPUT


def list_of(address: Address, whole: bool, version: int) -> bytes:
    """The list (ffconcat) that goes to its standard input. whole: every stream of the camera, looked at
    for longer; else its sound alone, soon."""
    url, options = address.with_password, []
    if address.is_rtsp:
        options = ["rtsp_transport tcp", "timeout {}".format(TIMEOUT_US)]
        options += ["analyzeduration {}".format(LOOKED_AT_US)] if whole else []
        options += [] if whole else ["allowed_media_types audio", "probesize 32", "analyzeduration 0"]
    else:
        options = ["rw_timeout {}".format(TIMEOUT_US)]
        options += [] if whole else ["probesize 4096", "analyzeduration 500000"]
    if version < KNOWS_OPTIONS:  # it asks for all streams then, and whoever reads from it has the time-out
        url += ("&tcp" if "?" in url else "?tcp") if address.is_rtsp else ""
        options = []
    lines = ["ffconcat version 1.0", "file '{}'".format(url)] + ["option " + option for option in options]
    return ("\n".join(lines) + "\n").encode("utf-8")


def start(address: Address, whole: bool) -> subprocess.Popen:
    """Start it; it ends with this thread's process. Raises UserError."""
    path, parent = program(), os.getpid()
    listed = b"" if address.raw_rate_hz else list_of(address, whole, version_of(path))
    try:
        child = subprocess.Popen(
            [path] + arguments_of(address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},  # FFREPORT would write the address down
            preexec_fn=lambda: end_with_parent(parent),
        )
    except OSError as error:
        raise UserError("{} cannot be started ({}): apt install --reinstall ffmpeg".format(path, error)) from error
    try:
        child.stdin.write(listed)  # less than a pipe holds
        child.stdin.close()
    except BrokenPipeError:
        pass  # what it has to say of that is read
    return child
