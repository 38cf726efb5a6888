"""What goes over the wire: one format for every message, whose every part is bounded and looked at before use.

    b"CRYF", version, length of the header | header: JSON | blobs, one after the other | a home's Ed25519 signature

The header holds kind, run, round, sender, values (what JSON can say) and the blobs' names and lengths.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edge.errors import UserError
from edge.untrusted import parse_json
from training.federated.keys import SIGNATURE_BYTES, Identity, is_signed

MAGIC, VERSION = b"CRYF", 1
PREFIX = struct.Struct("<4sBI")
HEADER_AT_MOST = 1 << 20  # bytes
SERVER = ""  # its name as a sender; the transport says that it is the server
FIELDS = {"kind": str, "run": str, "round": int, "sender": str, "values": dict, "blobs": list}


class Rejected(Exception):
    """A message that is not taken, and why. The round goes on without it."""


@dataclass(frozen=True)
class Message:
    """One message; run: which federation, hexadecimal."""

    kind: str
    run: str
    round: int
    sender: str = SERVER
    values: dict[str, Any] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    def value(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """One of the values, of that type. Raises Rejected."""
        found = self.values.get(name)
        if not isinstance(found, kind) or isinstance(found, bool) != (kind is bool):
            raise Rejected(f"{name} is {str(found)[:40]!r} in a {self.kind} message")
        return found

    def blob(self, name: str, length: int | None = None) -> bytes:
        """One of the blobs, of that many bytes. Raises Rejected."""
        found = self.blobs.get(name)
        if found is None:
            raise Rejected(f"a {self.kind} message without {name}")
        if length is not None and len(found) != length:
            raise Rejected(f"{name} has {len(found)} bytes, it must have {length}")
        return found

    def numbers(self, name: str, n: int) -> np.ndarray:
        """A blob as (n,) float32, all finite. Raises Rejected."""
        found = np.frombuffer(self.blob(name, 4 * n), "<f4")
        if not np.isfinite(found).all():
            raise Rejected(
                f"{name} holds {int((~np.isfinite(found)).sum())} values that are no numbers (NaN, infinite)"
            )
        return found


def encode(message: Message, identity: Identity | None = None) -> bytes:
    """A message as bytes, signed by a home's identity."""
    header = {name: getattr(message, name) for name in FIELDS}
    header["blobs"] = [[name, len(blob)] for name, blob in message.blobs.items()]
    text = json.dumps(header, separators=(",", ":")).encode()
    content = b"".join([PREFIX.pack(MAGIC, VERSION, len(text)), text, *message.blobs.values()])
    return content + identity.sign(content) if identity else content


def decode(data: bytes, at_most: int, public: bytes | None = None) -> Message:
    """A message of bytes; public: the key that must have signed them. Raises Rejected."""
    if len(data) > at_most:
        raise Rejected(f"oversized: {len(data)} bytes, at most {at_most} are expected")
    content = data
    if public is not None:
        content, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
        if not is_signed(content, signature, public):
            raise Rejected("not signed by the home that it names, or changed on its way")
    if len(content) < PREFIX.size:
        raise Rejected(f"malformed: {len(content)} bytes are no message")
    magic, version, length = PREFIX.unpack_from(content)
    if magic != MAGIC or version != VERSION or not 0 < length <= min(HEADER_AT_MOST, len(content) - PREFIX.size):
        raise Rejected("malformed: not a message of this federation's format, version 1")
    return of_header(read_header(content[PREFIX.size : PREFIX.size + length]), content[PREFIX.size + length :])


def read_header(text: bytes) -> dict[str, Any]:
    """The header's fields, of their types. Raises Rejected."""
    try:
        header = parse_json(text, "the header")
    except UserError as error:
        raise Rejected(f"malformed: {error}") from error
    if not isinstance(header, dict) or header.keys() != FIELDS.keys():
        raise Rejected("malformed: the header has other fields")
    for name, kind in FIELDS.items():
        if not isinstance(header[name], kind) or isinstance(header[name], bool):
            raise Rejected(f"malformed: {name} is no {kind.__name__}")
    return header


def of_header(header: dict[str, Any], rest: bytes) -> Message:
    """The message of a header and the blobs behind it. Raises Rejected."""
    blobs, place = {}, 0
    for entry in header.pop("blobs"):
        is_entry = isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)
        if not is_entry or type(entry[1]) is not int or not 0 <= entry[1] <= len(rest) - place:
            raise Rejected("malformed: a blob is not where the header says")
        blobs[entry[0]] = rest[place : place + entry[1]]
        place += entry[1]
    if place != len(rest):
        raise Rejected(f"malformed: {len(rest) - place} bytes too many")
    return Message(**header, blobs=blobs)


def sender_of(data: bytes) -> str:
    """Who a message says it is from, before anything is believed. Raises Rejected."""
    if len(data) < PREFIX.size:
        raise Rejected(f"malformed: {len(data)} bytes are no message")
    length = PREFIX.unpack_from(data)[2]
    if length > min(HEADER_AT_MOST, len(data) - PREFIX.size):
        raise Rejected("malformed: no header")
    return read_header(data[PREFIX.size : PREFIX.size + length])["sender"]


def frames(parts: Iterable[bytes]) -> bytes:
    """Byte strings as one, each behind its length."""
    return b"".join(struct.pack("<I", len(part)) + part for part in parts)


def unframed(data: bytes) -> list[bytes]:
    """What frames() made. Raises Rejected."""
    parts, place = [], 0
    while place < len(data):
        if place + 4 > len(data):
            raise Rejected("malformed: a list of byte strings is cut off")
        (length,) = struct.unpack_from("<I", data, place)
        parts.append(data[place + 4 : place + 4 + length])
        if len(parts[-1]) != length:
            raise Rejected("malformed: a list of byte strings is cut off")
        place += 4 + length
    return parts
