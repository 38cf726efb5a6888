"""What the header of a recording promises: where its samples begin, how many bytes they have, what they are.

RIFF, RIFX and RF64 (WAV), W64, AIFF and AIFF-C, AU, CAF. Headers lie: a recorder that was cut off never wrote the
length, programs that write into a pipe put a number there that means "who knows", and 32 bits end at 4 GB. Where
samples are not compressed, a promise says enough to read them without the header.
"""

import math
import struct
from typing import Callable, NamedTuple, Optional

ReadAt = Callable[[int, int], bytes]  # offset, at most so many bytes

MOST_CHUNKS = 1000  # before the samples; more are no header
PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
W64_RIFF = b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000")

SIGNED = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}  # by bytes of a sample
UNSIGNED = {1: "PCM_U8"}
FLOATS = {4: "FLOAT", 8: "DOUBLE"}
SAMPLE_BYTES = dict({name: n for n, name in SIGNED.items()}, PCM_U8=1, ALAW=1, ULAW=1, FLOAT=4, DOUBLE=8)
WAV_KINDS = {PCM: {**SIGNED, **UNSIGNED}, FLOAT: FLOATS, A_LAW: {1: "ALAW"}, MU_LAW: {1: "ULAW"}}
AIFF_KINDS = {b"NONE": SIGNED, b"twos": SIGNED, b"sowt": SIGNED, b"in24": SIGNED, b"in32": SIGNED, b"raw ": UNSIGNED}
AIFF_KINDS.update({b"fl32": FLOATS, b"FL32": FLOATS, b"fl64": FLOATS, b"FL64": FLOATS})
AU_KINDS = {1: "ULAW", 2: "PCM_S8", 3: "PCM_16", 4: "PCM_24", 5: "PCM_32", 6: "FLOAT", 7: "DOUBLE", 27: "ALAW"}

# Programs that write into a pipe put these where a length should be: sox, arecord, ffmpeg and their like.
UNKNOWN_32 = ((0x7FFFF000, 0x80000000), (0xFFFFF000, 0xFFFFFFFF))
WRAP = 1 << 32


class Samples(NamedTuple):
    """How samples lie in a file that are not compressed, in libsndfile's words."""

    rate_hz: int
    channels: int
    subtype: str
    endian: str  # "LITTLE" or "BIG"

    @property
    def frame_bytes(self) -> int:
        """Bytes of all channels at one time."""
        return self.channels * SAMPLE_BYTES[self.subtype]


class Promise(NamedTuple):
    """What a header says of the samples behind it."""

    data_at: int  # byte of the first
    data_bytes: Optional[int]  # None: it does not say
    samples: Optional[Samples]  # None: compressed


def read_promise(read_at: ReadAt, size: int) -> Optional[Promise]:
    """The promise of a file of `size` bytes; None for other containers, and where the samples are not found."""
    head = read_at(0, 16)
    try:
        for is_it, reader in _READERS:
            if is_it(head):
                return reader(read_at, size)
    except (struct.error, OverflowError):  # the header itself is cut, or its rate no number
        pass
    return None


def is_wav(head: bytes) -> bool:
    """Whether a file that begins so is a WAV, of any kind."""
    return head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE"


def _samples(rate_hz, channels, subtype, is_big):
    if not subtype or not 0 < channels <= 1024 or not 0 < rate_hz < 1 << 31:
        return None
    return Samples(int(rate_hz), channels, subtype, "BIG" if is_big else "LITTLE")


def _known(data_at, promised, size, is_32_bits=True):
    """The bytes of samples that a length promises of a file of `size` bytes; None when it says nothing."""
    behind = max(0, size - data_at)
    if promised <= 0 and behind:
        return None
    if is_32_bits:
        if any(low <= promised <= high for low, high in UNKNOWN_32):
            return None
        if behind >= promised + WRAP:
            promised += (behind - promised) // WRAP * WRAP  # the length of more than 4 GB, as far as it fits
    return promised


def _riff(read_at, size):
    order = ">" if read_at(0, 4) == b"RIFX" else "<"
    long_bytes, samples, at = None, None, 12
    for _ in range(MOST_CHUNKS):
        name, n_bytes = struct.unpack(order + "4sI", read_at(at, 8))
        if name == b"fmt ":
            samples = _wav_samples(read_at(at + 8, 40), order)
        elif name == b"ds64":
            (long_bytes,) = struct.unpack("<Q", read_at(at + 16, 8))
        elif name == b"data":
            return Promise(at + 8, _wav_bytes(read_at, at + 8, n_bytes, long_bytes, size, order), samples)
        at += 8 + n_bytes + n_bytes % 2
    return None


def _wav_samples(fmt, order):
    tag, channels, rate_hz, _, block_align = struct.unpack(order + "HHIIH", fmt[:14])
    if tag == EXTENSIBLE:
        (tag,) = struct.unpack(order + "H", fmt[24:26])
    subtype = WAV_KINDS.get(tag, {}).get(block_align // max(1, channels))
    return _samples(rate_hz, channels, subtype, order == ">")


def _wav_bytes(read_at, data_at, n_bytes, long_bytes, size, order):
    """The bytes of samples that are promised; None too where what lies behind them is no other chunk: the length was
    written before the recording ended."""
    if n_bytes == 0 and _is_chunk(read_at(data_at, 8), order, size - data_at):
        return 0
    is_long = long_bytes is not None and n_bytes in (0, WRAP - 1)
    known = _known(data_at, long_bytes if is_long else n_bytes, size, is_32_bits=not is_long)
    if known:
        end = data_at + known + known % 2
        header = read_at(end, 8)
        if len(header) == 8 and header.strip(b"\0") and not _is_chunk(header, order, size - end):
            return None
    return known


def _is_chunk(header, order, room):
    """Whether 8 bytes begin a chunk that fits in so many, but for the last of its bytes; or a tag, which is none."""
    if len(header) < 8:
        return False
    if header[:3] in (b"TAG", b"ID3"):  # what players put there, with a length of another kind
        return True
    return header[:4].strip(b" \0").isalnum() and struct.unpack(order + "I", header[4:])[0] <= room


def _w64(read_at, size):
    samples, at = None, 40
    for _ in range(MOST_CHUNKS):
        name, n_bytes = struct.unpack("<4s12xQ", read_at(at, 24))
        if name == b"fmt ":
            samples = _wav_samples(read_at(at + 24, 40), "<")
        elif name == b"data":
            promised = n_bytes - 24 if n_bytes < 1 << 62 else 0
            return Promise(at + 24, _known(at + 24, promised, size, is_32_bits=False), samples)
        if n_bytes < 24:
            return None
        at += n_bytes + -n_bytes % 8
    return None


def _aiff(read_at, size):
    samples, promised, at = None, 0, 12
    for _ in range(MOST_CHUNKS):
        name, n_bytes = struct.unpack(">4sI", read_at(at, 8))
        if name == b"COMM":
            channels, frames, bits, exponent, mantissa = struct.unpack(">HIHHQ", read_at(at + 8, 18))
            compression = read_at(at + 26, 4) if read_at(8, 4) == b"AIFC" else b"NONE"
            subtype = AIFF_KINDS.get(compression, {}).get(-(-bits // 8))
            rate_hz = math.ldexp(mantissa, exponent - 16446)
            samples = _samples(rate_hz, channels, subtype, compression != b"sowt")
            promised = frames * samples.frame_bytes if samples else 0
        elif name == b"SSND":
            (offset,) = struct.unpack(">I", read_at(at + 8, 4))
            promised = max(promised, n_bytes - 8 - offset)
            return Promise(at + 16 + offset, _known(at + 16 + offset, promised, size), samples)
        at += 8 + n_bytes + n_bytes % 2
    return None


def _au(read_at, size):
    order = ">" if read_at(0, 4) == b".snd" else "<"
    data_at, promised, encoding, rate_hz, channels = struct.unpack(order + "5I", read_at(4, 20))
    return Promise(
        data_at, _known(data_at, promised, size), _samples(rate_hz, channels, AU_KINDS.get(encoding), order == ">")
    )


def _caf(read_at, size):
    samples, at = None, 8
    for _ in range(MOST_CHUNKS):
        name, n_bytes = struct.unpack(">4sq", read_at(at, 12))
        if name == b"desc":
            rate_hz, kind, flags, packet_bytes, _, channels, _ = struct.unpack(">d4s5I", read_at(at + 12, 32))
            kinds = {b"lpcm": FLOATS if flags & 1 else SIGNED, b"alaw": {1: "ALAW"}, b"ulaw": {1: "ULAW"}}.get(kind, {})
            samples = _samples(rate_hz, channels, kinds.get(packet_bytes // max(1, channels)), not flags & 2)
        elif name == b"data":
            return Promise(at + 16, _known(at + 16, n_bytes - 4, size, is_32_bits=False), samples)
        if n_bytes < 0:
            return None
        at += 12 + n_bytes
    return None


_READERS = (
    (is_wav, _riff),
    (lambda head: head == W64_RIFF, _w64),
    (lambda head: head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"), _aiff),
    (lambda head: head[:4] in (b".snd", b"dns."), _au),
    (lambda head: head[:4] == b"caff", _caf),
)
