"""What passes through the pipe from the capture process: a kind, a length, then that many bytes."""

import struct
from typing import BinaryIO, Iterator, NamedTuple, Tuple

OPENED = b"O"  # JSON: name, rate_hz, channels
SAMPLES = b"S"  # BLOCK_HEADER, then interleaved float32 in the machine's byte order
FAILED = b"F"  # why the microphone does not open, in words for a person: the last message
ENDED = b"E"  # why an open one is not heard any more: the last message

_HEADER = struct.Struct("=cI")
_BLOCK_HEADER = struct.Struct("=d?")


class Block(NamedTuple):
    """Samples as they were read."""

    captured_s: float  # time.monotonic() after the last sample, the same clock in every process
    overflowed: bool  # the sound system lost samples before these
    samples: bytes


def write_message(pipe: BinaryIO, kind: bytes, payload: bytes) -> None:
    """Send one message; blocks while the pipe is full. Raises BrokenPipeError when nobody reads."""
    waiting = memoryview(_HEADER.pack(kind, len(payload)) + payload)
    while waiting:
        waiting = waiting[pipe.write(waiting) :]


def read_messages(pipe: BinaryIO) -> Iterator[Tuple[bytes, bytes]]:
    """Yield (kind, payload) until the writer is gone; a message cut short by its death is left out."""
    while True:
        header = pipe.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        kind, length = _HEADER.unpack(header)
        payload = pipe.read(length)
        if len(payload) < length:
            return
        yield kind, payload


def pack_block(block: Block) -> bytes:
    """A Block as the payload of SAMPLES."""
    return _BLOCK_HEADER.pack(block.captured_s, block.overflowed) + block.samples


def unpack_block(payload: bytes) -> Block:
    """The Block in a payload of SAMPLES."""
    captured_s, overflowed = _BLOCK_HEADER.unpack_from(payload)
    return Block(captured_s, overflowed, payload[_BLOCK_HEADER.size :])
