"""Noticing that a sound server (PulseAudio, or PipeWire in its place) records from another source than before.

When a source goes away, the server moves its streams to another one and tells no library of it: a monitor
would go on listening, in another room. So the server is asked, over its own socket in its native protocol,
to tell of changes, and after each one which source our stream is on. Without such a server there is nothing
to watch: a device of the kernel does not move.
"""

import os
import socket
import struct
import time
from contextlib import closing, suppress
from typing import Callable, Optional

PROTOCOL_VERSION = 16  # old enough for every server in use; newer ones send more fields
COOKIE_BYTES = 256
ANSWER_S = 5.0  # a busy board's server is late, not gone
AGAIN_S = 1.0  # before it is connected to again, after it was
NOBODY = 0xFFFFFFFF
NOWHERE = ""

ERROR, REPLY, AUTH, SET_CLIENT_NAME = 0, 2, 8, 9
GET_SERVER_INFO, GET_SOURCE_INFO, GET_SOURCE_OUTPUT_INFO_LIST, SUBSCRIBE = 20, 23, 32, 35
SUBSCRIBE_EVENT = 66
SOURCE_OUTPUT_CHANGES, SERVER_CHANGES = 0x08, 0x80
MOST_BYTES = 1 << 20

_DESCRIPTOR = struct.Struct(">IIIII")  # length, channel, offset high and low, flags


class _NotUnderstood(Exception):
    """The server said something else than the protocol lets expect, or nothing."""


_TROUBLES = (OSError, _NotUnderstood, struct.error, AttributeError, TypeError)  # the last two: a field of another kind


class StreamWatch:
    """Watches the stream of one process. To be made before the stream is opened, or a default that changes in
    between goes unnoticed; None of its methods raises, whatever the server does.

    `default` is the source that the server gives to whoever wants no other; empty without a server.
    """

    def __init__(self, pid: int):
        self._pid = pid
        self._source = ""  # that the stream began on
        self.default = ""
        with suppress(*_TROUBLES), closing(_Connection(socket_path())) as server:
            self.default = server.default_source()

    def until_it_moves(self, tell: Callable[[str], None]) -> None:
        """Wait until the stream is not where it began, then tell what happened, for a person. Returns at once when
        no server carries the stream: a device of the kernel does not move. For a thread of its own."""
        while True:
            with suppress(*_TROUBLES), closing(_Connection(socket_path())) as server:
                server.subscribe()
                moved = None
                while moved is None:
                    moved = self._what_happened(server)
                    if moved is None:
                        server.wait_for_change()
                if moved:
                    tell(moved)
                return
            if not self._source and not self.default:
                return
            time.sleep(AGAIN_S)

    def _what_happened(self, server) -> Optional[str]:
        """None while all is well; an empty string when the stream is none of the server's."""
        source, default = server.source_of_stream(self._pid), server.default_source()
        if source is None:
            return ""
        if source == NOWHERE:
            return None  # between two sources, or waiting for one: nothing is heard, which is noticed as a stall
        self._source = self._source or source
        if source != self._source:
            return "was moved by the sound server from {!r} to {!r}".format(self._source, source)
        if source == self.default != default:
            return "is no longer the default of the sound server, which is {!r} now".format(default)
        return None


def socket_path() -> str:
    """Where the server listens, as its own library finds it; empty when there is none, or not on this machine."""
    named = os.environ.get("PULSE_SERVER", "")
    if named:
        path = named[len("unix:") :] if named.startswith("unix:") else named
        return path if path.startswith("/") else ""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/run/user/{}".format(os.getuid()))
    candidates = [
        os.path.join(os.environ.get("PULSE_RUNTIME_PATH", os.path.join(runtime, "pulse")), "native"),
        "/run/pulse/native",
    ]
    return next(filter(os.path.exists, candidates), "")


class _Connection:
    """Questions to the sound server and their answers."""

    def __init__(self, path):
        self._tag = 0
        self._changed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(ANSWER_S)
            self._socket.connect(path)
            self._ask(AUTH, _u32(PROTOCOL_VERSION) + b"x" + struct.pack(">I", COOKIE_BYTES) + _cookie())
            self._ask(SET_CLIENT_NAME, _properties({"application.name": "cry-monitor watch"}))
        except BaseException:
            self.close()
            raise

    def close(self):
        self._socket.close()

    def subscribe(self):
        """Ask to be told when a stream or a default changes."""
        self._ask(SUBSCRIBE, _u32(SOURCE_OUTPUT_CHANGES | SERVER_CHANGES))

    def wait_for_change(self):
        """Return when something has changed since the last time."""
        self._socket.settimeout(None)
        while not self._changed:
            self._receive()
        self._changed = False
        self._socket.settimeout(ANSWER_S)

    def source_of_stream(self, pid):
        """The name of the source that a process records from, or NOWHERE; None when it has no stream."""
        fields = Fields(self._ask(GET_SOURCE_OUTPUT_INFO_LIST, b""))
        while fields.left():
            # index, name, module, client, source, sample format, channels, two latencies, resampler, driver
            numbers = [fields.next() for _ in range(11)]
            if fields.next().get("application.process.id") == str(pid):
                source = numbers[4]
                return NOWHERE if source == NOBODY else Fields(self._ask(GET_SOURCE_INFO, _u32(source) + b"N"), 2).last
        return None

    def default_source(self):
        # package, version, user, host, sample format, default sink, default source
        return Fields(self._ask(GET_SERVER_INFO, b""), 7).last

    def _ask(self, command, arguments):
        """Send a command; returns the fields of its reply."""
        self._tag += 1
        packet = _u32(command) + _u32(self._tag) + arguments
        self._socket.sendall(_DESCRIPTOR.pack(len(packet), NOBODY, 0, 0, 0) + packet)
        while True:
            kind, tag, fields = self._receive()
            if kind == ERROR and tag == self._tag:
                raise _NotUnderstood()
            if kind == REPLY and tag == self._tag:
                return fields

    def _receive(self):
        """Take one packet; returns its kind, the tag of the question it answers, and the fields."""
        length, channel, _, _, _ = _DESCRIPTOR.unpack(self._exactly(_DESCRIPTOR.size))
        if length > MOST_BYTES:
            raise _NotUnderstood()
        packet = self._exactly(length)
        if channel != NOBODY or length < 10:
            return None, None, b""
        kind, tag = struct.unpack_from(">xIxI", packet)
        self._changed = self._changed or kind == SUBSCRIBE_EVENT
        return kind, tag, packet[10:]

    def _exactly(self, length):
        received = b""
        while len(received) < length:
            more = self._socket.recv(length - len(received))
            if not more:
                raise _NotUnderstood()
            received += more
        return received


class Fields:
    """The tagged values of a packet, one after the other."""

    def __init__(self, packet: bytes, skip_to: int = 0):
        """Reads `skip_to` values at once; `last` is the latest."""
        self._packet = packet
        self._at = 0
        self.last = None
        for _ in range(skip_to):
            self.next()

    def left(self) -> bool:
        """Whether there is another value."""
        return self._at < len(self._packet)

    def next(self):
        """The next value: a number, text, a dict of properties, or bytes nobody needs."""
        tag = self._take(1)
        if tag not in _READERS:
            raise _NotUnderstood()
        self.last = _READERS[tag](self)
        return self.last

    def _take(self, length):
        taken = self._packet[self._at : self._at + length]
        if len(taken) < length:
            raise _NotUnderstood()
        self._at += length
        return taken

    def _number(self):
        return struct.unpack(">I", self._take(4))[0]

    def _text(self):
        end = self._packet.find(b"\0", self._at)
        if end < 0:
            raise _NotUnderstood()
        return self._take(end + 1 - self._at)[:-1].decode("utf-8", "replace")

    def _dict(self):
        properties = {}
        while True:
            key = self.next()
            if not key:
                return properties
            self.next()  # the value's length, once more
            properties[key] = self.next().rstrip(b"\0").decode("utf-8", "replace")


_READERS = {
    b"t": Fields._text,
    b"N": lambda fields: "",
    b"L": Fields._number,
    b"B": lambda fields: fields._take(1),
    b"1": lambda fields: True,
    b"0": lambda fields: False,
    b"a": lambda fields: fields._take(6),  # sample format
    b"m": lambda fields: fields._take(fields._take(1)[0]),  # channel map
    b"v": lambda fields: fields._take(4 * fields._take(1)[0]),  # volume of each channel
    b"V": lambda fields: fields._take(4),
    b"U": lambda fields: fields._take(8),  # microseconds
    b"R": lambda fields: fields._take(8),
    b"r": lambda fields: fields._take(8),
    b"T": lambda fields: fields._take(8),
    b"x": lambda fields: fields._take(fields._number()),
    b"P": Fields._dict,
}


def _u32(number):
    return b"L" + struct.pack(">I", number)


def _properties(properties):
    packed = b"P"
    for key, text in properties.items():
        value = text.encode() + b"\0"
        packed += b"t" + key.encode() + b"\0" + _u32(len(value)) + b"x" + struct.pack(">I", len(value)) + value
    return packed + b"N"


def _cookie():
    """What proves to the server that we are its user; it needs none from the same user over its own socket."""
    with suppress(OSError, KeyError):  # a user whom nobody knows has no home
        path = os.environ.get("PULSE_COOKIE") or os.path.expanduser("~/.config/pulse/cookie")
        with open(path, "rb") as file:
            return file.read(COOKIE_BYTES).ljust(COOKIE_BYTES, b"\0")
    return bytes(COOKIE_BYTES)
