"""How long a FLAC is whose header does not say: streams are cut into files before anybody knows.

Each frame begins with its own number, in a header with a checksum, and ends with a checksum of all of it. So the last
frame tells how many samples there are, and whether it is whole.
"""

import struct
from typing import Optional, Tuple

STREAMINFO_AT = 8  # behind "fLaC" and the header of the first block
STREAMINFO_BYTES = 34
TOTAL_AT = STREAMINFO_AT + 10  # 20 bits of rate, 3 of channels, 5 of depth, 36 of the number of samples
TOTAL_MASK = (1 << 36) - 1
TAIL_BYTES = 1 << 20  # a frame is smaller
CHECKED_BYTES = 1 << 17


def crc(data: bytes, polynomial: int, bits: int) -> int:
    """Of bytes, most significant bit first, from 0."""
    table = _tables.setdefault((polynomial, bits), _table(polynomial, bits))
    value, mask = 0, (1 << bits) - 1
    for byte in data:
        value = (value << 8) & mask ^ table[(value >> (bits - 8)) ^ byte]
    return value


def _table(polynomial, bits):
    table = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = value << 1 ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
        table.append(value)
    return table


_tables = {}


def is_flac(read_at) -> bool:
    """Whether a file begins like a native FLAC, with the whole of its STREAMINFO."""
    head = read_at(0, STREAMINFO_AT + STREAMINFO_BYTES)
    return head[:4] == b"fLaC" and len(head) == STREAMINFO_AT + STREAMINFO_BYTES and not head[4] & 0x7F


def samples_in_header(read_at) -> int:
    """The number of samples that STREAMINFO promises; 0 when it does not say."""
    return struct.unpack(">Q", read_at(TOTAL_AT, 8))[0] & TOTAL_MASK


def header_with(read_at, samples: int) -> Tuple[int, bytes]:
    """Where STREAMINFO has the number of samples, and the bytes there with another."""
    (word,) = struct.unpack(">Q", read_at(TOTAL_AT, 8))
    return TOTAL_AT, struct.pack(">Q", word & ~TOTAL_MASK | min(samples, TOTAL_MASK))


def count_samples(read_at, size: int) -> Tuple[int, bool]:
    """(samples up to the end of the last whole frame, whether the file ends with it)."""
    (fixed_block,) = struct.unpack(">H", read_at(STREAMINFO_AT, 2))
    begin = max(0, size - TAIL_BYTES)
    tail = read_at(begin, size - begin)
    at = len(tail)
    while True:
        at = max(tail.rfind(b"\xff\xf8", 0, at), tail.rfind(b"\xff\xf9", 0, at))
        if at < 0:
            return 0, False
        frame = _frame(tail[at : at + 16], fixed_block)
        if frame is None:
            continue
        first, n_samples = frame
        body = tail[at:]
        if len(body) <= CHECKED_BYTES and crc(body[:-2], 0x8005, 16) == struct.unpack(">H", body[-2:])[0]:
            return first + n_samples, True
        return first, False


def _frame(header, fixed_block) -> Optional[Tuple[int, int]]:
    """(first sample, number of samples) of a frame, from its first 16 bytes; None when they are no header."""
    if len(header) < 6:
        return None
    block_code, rate_code = header[2] >> 4, header[2] & 15
    number, at = _coded_number(header, 4)
    if number is None or block_code == 0 or rate_code == 15 or header[3] & 1:
        return None
    extra = {6: 1, 7: 2}.get(block_code, 0)
    n_samples = _block_samples(block_code, header[at : at + extra])
    at += extra + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if at >= len(header) or crc(header[:at], 0x07, 8) != header[at]:
        return None
    return (number if header[1] & 1 else number * fixed_block), n_samples


def _block_samples(code, extra):
    if code == 1:
        return 192
    if code <= 5:
        return 576 << (code - 2)
    if code <= 7:
        return int.from_bytes(extra, "big") + 1
    return 256 << (code - 8)


def _coded_number(header, at):
    """A number coded like UTF-8, of up to 36 bits, and where the bytes after it begin."""
    first = header[at]
    length = 1 if first < 0x80 else next((n for n in range(2, 8) if not first << n & 0x80), 8)
    if length == 1:
        return first, at + 1
    if not 0xC0 <= first < 0xFF or at + length > len(header):
        return None, at
    number = first & (0x7F >> length)
    for byte in header[at + 1 : at + length]:
        if byte & 0xC0 != 0x80:
            return None, at
        number = number << 6 | byte & 0x3F
    return number, at + length
