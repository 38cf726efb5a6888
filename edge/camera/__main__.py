"""The camera's service: `python -m edge.camera CONFIGURATION`, started by systemd when the monitor connects, or in a
container of its own, where CRY_MONITOR_CAMERA names the socket to both.

It has a network, no database and no disk; it reads the configuration anew for every listener, runs ffmpeg while one
listens, and takes nothing from the process that hears: the socket is read for its end alone.
"""

import os
import signal
import socket
import sys

from edge.camera.address import address_of, is_address
from edge.camera.stream import CameraStream
from edge.camera.unit import VARIABLE, unit_path
from edge.camera.words import MAY_NOT
from edge.capture.messages import FAILED, write_message
from edge.config import load_settings
from edge.errors import UserError
from edge.log import log, start_log
from edge.runtime.private_memory import keep_private
from edge.runtime.systemd import notify
from edge.sinks.place import listen

LISTENING = 3  # sd_listen_fds(3)
IDLE_S = 60.0  # nobody has listened for so long: systemd starts it again when somebody does
ANEW = 75  # exit status: systemd starts it again, and allows it the address that is named now (allow.py)
PATIENCE_S = 2.0  # for who listens and does not read: what it is sent is sound that is late already


def main(configuration: str) -> int:
    """Serve one listener after the other; 0 when none came for a while and systemd would start it again."""
    start_log()
    keep_private()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # ffmpeg ends with this process
    listening = _listening()
    notify("READY=1")
    said, begun = "", _source(configuration)
    while True:
        try:
            listener = listening.accept()[0]
        except socket.timeout:
            return 0
        with listener:
            said = _serve(listener, configuration, said)
        if MAY_NOT in said or _source(configuration) != begun:
            return ANEW


def _listening():
    """The socket that systemd passed, or one at the path that the environment names. Raises UserError."""
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, LISTENING)
        listening.settimeout(IDLE_S)
        return listening
    path = unit_path()
    if not path:
        raise UserError(
            "this is the service cry-monitor-camera@NAME: start its socket, or cry-monitor@NAME; without systemd, {} "
            "names the socket to it and to the monitor".format(VARIABLE)
        )
    return listen(path, VARIABLE)


def _source(configuration):
    """What the configuration names now; "" where it cannot be read, which is said to who listens."""
    try:
        return load_settings(configuration).audio.source
    except UserError:
        return ""


def _serve(listener, configuration, said):
    """Send what the camera sends until either is gone; returns what failed, which is said once."""
    listener.settimeout(PATIENCE_S)
    try:
        with listener.makefile("wb", 0) as pipe:
            failed = _pass_on(listener, pipe, configuration)
    except (OSError, ValueError) as error:
        failed = "nobody takes the sound any more ({})".format(error)
    if failed and failed != said:
        log.warning("%s", failed)
    return failed


def _pass_on(listener, pipe, configuration):
    """Returns why the camera did not open, "" when it did."""
    try:
        audio = load_settings(configuration).audio
        if not is_address(audio.source):
            raise UserError("audio.source of {} is no camera".format(configuration))
        address = address_of(audio.source, audio.password_file, audio.raw_rate_hz)
        stream = CameraStream(address, listener.fileno())
    except UserError as error:
        write_message(pipe, FAILED, str(error).encode("utf-8", "replace"))
        return str(error)
    failed = ""
    try:
        for kind, payload in stream.messages():
            write_message(pipe, kind, payload)
            if kind == FAILED:
                failed = payload.decode("utf-8", "replace")
    finally:
        stream.kill()
        stream.close_pipe()
    return failed


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except UserError as error:
        log.error("%s", error)
        sys.exit(1)
