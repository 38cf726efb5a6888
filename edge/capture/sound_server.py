"""Noticing that a sound server (PulseAudio, or PipeWire in its place) records from another source than before.

When a source goes away, the server moves its streams to another one and tells no library of it: a monitor
would go on listening, in another room. So the server is asked, over its own socket in its native protocol,
to tell of changes, and after each one which source our stream is on. Without such a server there is nothing
to watch: a device of the kernel does not move.
"""

import os
import select
import socket
import struct
import time
from contextlib import suppress

PROTOCOL_VERSION = 16  # old enough for every server in use; newer ones send more fields
COOKIE_BYTES = 256
ANSWER_S = 1.0
NOBODY = 0xFFFFFFFF

ERROR, REPLY, AUTH, SET_CLIENT_NAME = 0, 2, 8, 9
GET_SERVER_INFO, GET_SOURCE_INFO, GET_SOURCE_OUTPUT_INFO_LIST, SUBSCRIBE = 20, 23, 32, 35
SUBSCRIBE_EVENT = 66
SOURCE_OUTPUT_CHANGES, SERVER_CHANGES = 0x08, 0x80
MOST_BYTES = 1 << 20

_DESCRIPTOR = struct.Struct(">IIIII")  # length, channel, offset high and low, flags


class _NotUnderstood(Exception):
    """The server said something else than the protocol lets expect, or nothing."""


def watch_sound_server(pid: int):
    """A SoundServer that watches the stream of that process; None when no sound server carries one."""
    path = socket_path()
    if not path:
        return None
    try:
        server = SoundServer(path, pid)
    except (OSError, _NotUnderstood, struct.error):
        return None
    return server if server.source else None


def socket_path() -> str:
    """Where the server listens, as its own library finds it; empty when there is none, or not on this machine."""
    named = os.environ.get("PULSE_SERVER", "")
    if named:
        path = named[len("unix:"):] if named.startswith("unix:") else named
        return path if path.startswith("/") else ""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "/run/user/{}".format(os.getuid()))
    candidates = [os.path.join(os.environ.get("PULSE_RUNTIME_PATH", os.path.join(runtime, "pulse")), "native"),
                  "/run/pulse/native"]
    return next(filter(os.path.exists, candidates), "")


class SoundServer:
    """A connection to the sound server. `source` is the one recorded from; empty when the server knows no stream
    of that process."""

    def __init__(self, path: str, pid: int):
        self._pid = str(pid)
        self._tag = 0
        self._changed = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(ANSWER_S)
            self._socket.connect(path)
            self._ask(AUTH, _u32(PROTOCOL_VERSION) + b"x" + struct.pack(">I", COOKIE_BYTES) + _cookie())
            self._ask(SET_CLIENT_NAME, _properties({"application.name": "cry-monitor watch"}))
            self._ask(SUBSCRIBE, _u32(SOURCE_OUTPUT_CHANGES | SERVER_CHANGES))
            self.source = self._source_of_stream()
            self._on_default = self.source == self._default_source()
        except BaseException:
            self._socket.close()
            raise

    def where_it_moved(self) -> str:
        """What happened, for a person, when the stream is not where it began; else an empty string. Never waits
        without a reason to."""
        if not self._something_changed():
            return ""
        try:
            source = self._source_of_stream()
            default = self._default_source()
        except (OSError, _NotUnderstood, struct.error):
            self._socket.close()  # the server is gone, and so is the stream: reading it will tell
            return ""
        if source and source != self.source:
            return "was moved by the sound server from {!r} to {!r}".format(self.source, source)
        if self._on_default and default and default != self.source:
            return "is no longer the default of the sound server, which is {!r} now".format(default)
        return ""

    def _something_changed(self):
        with suppress(OSError, ValueError, _NotUnderstood, struct.error):
            while select.select([self._socket], [], [], 0)[0]:
                self._receive()
        changed, self._changed = self._changed, False
        return changed

    def _source_of_stream(self):
        fields = Fields(self._ask(GET_SOURCE_OUTPUT_INFO_LIST, b""))
        while fields.left():
            # index, name, module, client, source, sample format, channels, two latencies, resampler, driver
            numbers = [fields.next() for _ in range(11)]
            if fields.next().get("application.process.id") == self._pid:
                return Fields(self._ask(GET_SOURCE_INFO, _u32(numbers[4]) + b"N"), 2).last
        return ""

    def _default_source(self):
        # package, version, user, host, sample format, default sink, default source
        return Fields(self._ask(GET_SERVER_INFO, b""), 7).last

    def _ask(self, command, arguments):
        """Send a command; returns the fields of its reply."""
        self._tag += 1
        packet = _u32(command) + _u32(self._tag) + arguments
        self._socket.sendall(_DESCRIPTOR.pack(len(packet), NOBODY, 0, 0, 0) + packet)
        give_up_s = time.monotonic() + ANSWER_S
        while time.monotonic() < give_up_s:
            kind, tag, fields = self._receive()
            if kind == ERROR and tag == self._tag:
                raise _NotUnderstood()
            if kind == REPLY and tag == self._tag:
                return fields
        raise _NotUnderstood()

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
        taken = self._packet[self._at:self._at + length]
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
    path = os.environ.get("PULSE_COOKIE") or os.path.expanduser("~/.config/pulse/cookie")
    with suppress(OSError), open(path, "rb") as file:
        return file.read(COOKIE_BYTES).ljust(COOKIE_BYTES, b"\0")
    return bytes(COOKIE_BYTES)
