"""What a header promises, of every container, byte by byte; what is no header promises nothing."""

import math
import struct

import pytest

from edge.audio.containers import Samples, read_promise

SIZE = 1000000  # of a file: more than any header here
SAMPLE_BYTES = {"PCM_U8": 1, "PCM_S8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}
SAMPLE_BYTES.update(ALAW=1, ULAW=1)


def promised(content, size=SIZE):
    return read_promise(lambda at, n: content[at : at + n] if at >= 0 else b"", size)


def chunk(name, content=b"", n_bytes=None, order="<"):
    """Of RIFF or AIFF, with a byte of padding where its length is odd."""
    n_bytes = len(content) if n_bytes is None else n_bytes
    return name + struct.pack(order + "I", n_bytes) + content + b"\0" * (len(content) % 2)


def fmt(tag=1, channels=2, rate_hz=44100, sample_bytes=2, order="<", extensible=None):
    block = channels * sample_bytes
    content = struct.pack(order + "HHIIHH", tag, channels, rate_hz, block * rate_hz, block, 8 * sample_bytes)
    if extensible is not None:
        content += struct.pack(order + "HHIH", 22, 8 * sample_bytes, 3, extensible) + bytes(14)
    return content


def wav(*chunks, **how):
    return how.get("head", b"RIFF") + bytes(4) + b"WAVE" + b"".join(chunks)


@pytest.mark.parametrize("head, order, endian", [(b"RIFF", "<", "LITTLE"), (b"RIFX", ">", "BIG")])
@pytest.mark.parametrize(
    "tag, sample_bytes, subtype",
    [
        (1, 1, "PCM_U8"),
        (1, 2, "PCM_16"),
        (1, 3, "PCM_24"),
        (1, 4, "PCM_32"),
        (3, 4, "FLOAT"),
        (3, 8, "DOUBLE"),
        (6, 1, "ALAW"),
        (7, 1, "ULAW"),
    ],
)
@pytest.mark.parametrize("is_extensible", [False, True])
def test_a_wav_of_every_kind(head, order, endian, tag, sample_bytes, subtype, is_extensible):
    tags = {"tag": 0xFFFE, "extensible": tag} if is_extensible else {"tag": tag}
    form = chunk(b"fmt ", fmt(channels=3, rate_hz=48000, sample_bytes=sample_bytes, order=order, **tags), order=order)
    content = wav(form, chunk(b"LIST", b"odd", order=order), chunk(b"data", n_bytes=1200, order=order), head=head)
    promise = promised(content)
    assert promise.samples == Samples(48000, 3, subtype, endian)
    assert promise.samples.frame_bytes == 3 * sample_bytes == 3 * SAMPLE_BYTES[subtype]
    assert (promise.data_at, promise.data_bytes) == (len(content), 1200)


@pytest.mark.parametrize("tag, sample_bytes", [(2, 1), (17, 1), (0x55, 1), (1, 5), (3, 2), (3, 3), (6, 2), (7, 2)])
def test_a_wav_of_compressed_or_unknown_samples_promises_bytes_alone(tag, sample_bytes):
    content = wav(chunk(b"fmt ", fmt(tag, sample_bytes=sample_bytes)), chunk(b"data", n_bytes=500))
    assert promised(content) == (len(content), 500, None)


@pytest.mark.parametrize("channels, known", [(0, False), (1, True), (1024, True), (1025, False)])
def test_a_channel_at_least_and_1024_at_most(channels, known):
    assert (
        promised(wav(chunk(b"fmt ", fmt(channels=channels, sample_bytes=1)), chunk(b"data"))).samples is not None
    ) is known


@pytest.mark.parametrize("rate_hz, known", [(0, False), (1, True), ((1 << 31) - 1, True), (1 << 31, False)])
def test_a_rate_of_31_bits_and_not_nothing(rate_hz, known):
    form = struct.pack("<HHIIHH", 1, 1, rate_hz, 0, 2, 16)
    assert (promised(wav(chunk(b"fmt ", form), chunk(b"data"))).samples is not None) is known


@pytest.mark.parametrize(
    "n_bytes, said",
    [
        (1, 1),
        (0x7FFFEFFF, 0x7FFFEFFF),
        (0x7FFFF000, None),  # what sox, arecord and ffmpeg write where nobody knows
        (0x7FFFFFFF, None),
        (0x80000000, None),
        (0x80000001, 0x80000001),
        (0xFFFFEFFF, 0xFFFFEFFF),
        (0xFFFFF000, None),
        (0xFFFFFFFF, None),
        (0, None),
    ],
)
def test_a_length_that_means_that_nobody_knows(n_bytes, said):
    head = wav(chunk(b"fmt ", fmt()))
    assert promised(head + chunk(b"data", n_bytes=n_bytes)).data_bytes == said
    au = struct.pack(">4s5I", b".snd", 24, n_bytes, 3, 16000, 1)
    assert promised(au).data_bytes == said


def test_a_length_of_nothing_is_believed_where_nothing_follows():
    content = wav(chunk(b"fmt ", fmt()), chunk(b"data"))
    assert promised(content, len(content)).data_bytes == 0
    assert promised(content, len(content) + 1).data_bytes is None
    assert promised(content + chunk(b"LIST", b"INFO"), len(content) + 12).data_bytes == 0


@pytest.mark.parametrize("wraps", [0, 1, 2])
@pytest.mark.parametrize("missing", [0, 1])
def test_a_length_of_32_bits_goes_on_after_4_gb_as_far_as_the_file_does(wraps, missing):
    head = wav(chunk(b"fmt ", fmt()), chunk(b"data", n_bytes=5000))
    whole = 5000 + wraps * (1 << 32)
    believed = whole if not missing else 5000 + max(0, wraps - 1) * (1 << 32)
    assert promised(head, len(head) + whole - missing).data_bytes == believed


@pytest.mark.parametrize(
    "behind, said",
    [
        (b"LIST\x04\0\0\0INFO", 100),
        (b"id3 \xe8\x03\0\0", 100),  # a chunk of 1000 bytes that are there
        (b"LIST\0\0\0\x7f", None),  # of more than there are
        (b"TAG\xff\xff\xff\xff\xff", 100),  # what players put behind it
        (b"ID3\x04\0\0\0\xff", 100),
        (bytes(8), 100),
        (b"\x01\x02\x03\x04\x08\0\0\0", None),  # samples go on: the length was written before the end
        (b"\x05\0\xfc\xff\0\0\0\0", None),
        (b"LIST\x04\0\0", 100),  # less than a header
    ],
)
@pytest.mark.parametrize("n_bytes", [100, 99])
def test_what_lies_behind_the_samples_tells_whether_their_length_is_true(behind, said, n_bytes):
    """Behind an odd length lies a byte of padding."""
    content = wav(chunk(b"fmt ", fmt()), chunk(b"data", b"\x11" * n_bytes)) + behind
    size = len(content) + (1000 if len(behind) == 8 else 0)
    assert promised(content, size).data_bytes == (said and n_bytes)


@pytest.mark.parametrize("short, said", [(0, 7 << 32), (0xFFFFFFFF, 7 << 32), (1000, 1000)])
def test_a_long_wav_has_its_length_in_64_bits(short, said):
    ds64 = struct.pack("<QQQI", 0, 7 << 32, 0, 0)
    content = wav(chunk(b"ds64", ds64), chunk(b"fmt ", fmt()), chunk(b"data", n_bytes=short), head=b"RF64")
    assert promised(content).data_bytes == said
    assert promised(wav(chunk(b"fmt ", fmt()), chunk(b"data", n_bytes=16), head=b"BW64")).data_bytes == 16


def w64(*chunks):
    return b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000") + bytes(8) + b"wave" + bytes(12) + b"".join(chunks)


def long_chunk(name, content=b"", n_bytes=None):
    """Of W64: its length counts its header, and the next begins at a multiple of eight."""
    n_bytes = 24 + len(content) if n_bytes is None else n_bytes
    return name + bytes(12) + struct.pack("<Q", n_bytes) + content + bytes(-len(content) % 8)


@pytest.mark.parametrize("padded", [0, 1, 7, 8])
@pytest.mark.parametrize(
    "n_bytes, said", [(24 + 900, 900), (24 + (7 << 32), 7 << 32), (24, None), (0, None), ((1 << 64) - 1, None)]
)
def test_a_w64(padded, n_bytes, said):
    chunks = [long_chunk(b"fmt ", fmt()), long_chunk(b"junk", b"x" * padded), long_chunk(b"data", n_bytes=n_bytes)]
    assert promised(w64(*chunks)) == (len(w64(*chunks)), said, Samples(44100, 2, "PCM_16", "LITTLE"))


@pytest.mark.parametrize("n_bytes, known", [(0, False), (23, False), (24, True)])
def test_a_chunk_of_a_w64_is_no_shorter_than_its_header(n_bytes, known):
    content = w64(long_chunk(b"fmt ", fmt()), long_chunk(b"junk", n_bytes=n_bytes), long_chunk(b"data", n_bytes=924))
    assert (promised(content) is not None) is known


def eighty_bits(rate_hz):
    """A rate as AIFF writes it: 15 bits of exponent, 64 of mantissa."""
    mantissa, exponent = math.frexp(rate_hz)
    return struct.pack(">HQ", exponent - 1 + 16383, int(mantissa * (1 << 64)))


def comm(channels=2, frames=100, bits=16, rate_hz=44100.0, compression=b""):
    return struct.pack(">HIH", channels, frames, bits) + eighty_bits(rate_hz) + compression


def aiff(*chunks, **how):
    return b"FORM" + bytes(4) + how.get("kind", b"AIFF") + b"".join(chunks)


def sound(offset=0, n_bytes=None):
    return chunk(b"SSND", struct.pack(">II", offset, 0), n_bytes=8 if n_bytes is None else n_bytes, order=">")


@pytest.mark.parametrize(
    "bits, subtype", [(8, "PCM_S8"), (12, "PCM_16"), (16, "PCM_16"), (24, "PCM_24"), (32, "PCM_32")]
)
@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
def test_an_aiff(bits, subtype, rate_hz):
    content = aiff(chunk(b"NAME", b"odd", order=">"), chunk(b"COMM", comm(2, 100, bits, rate_hz), order=">"), sound())
    samples = Samples(rate_hz, 2, subtype, "BIG")
    assert promised(content) == (len(content), 100 * 2 * SAMPLE_BYTES[subtype], samples)


@pytest.mark.parametrize(
    "compression, bits, subtype, endian",
    [
        (b"NONE", 16, "PCM_16", "BIG"),
        (b"twos", 24, "PCM_24", "BIG"),
        (b"sowt", 16, "PCM_16", "LITTLE"),
        (b"in24", 24, "PCM_24", "BIG"),
        (b"in32", 32, "PCM_32", "BIG"),
        (b"raw ", 8, "PCM_U8", "BIG"),
        (b"fl32", 32, "FLOAT", "BIG"),
        (b"FL32", 32, "FLOAT", "BIG"),
        (b"fl64", 64, "DOUBLE", "BIG"),
        (b"FL64", 64, "DOUBLE", "BIG"),
    ],
)
def test_an_aiff_c_of_every_kind(compression, bits, subtype, endian):
    form = chunk(b"COMM", comm(bits=bits, compression=compression), order=">")
    assert promised(aiff(form, sound(), kind=b"AIFC")).samples == Samples(44100, 2, subtype, endian)


def test_an_aiff_c_that_is_compressed_promises_bytes_alone():
    content = aiff(chunk(b"COMM", comm(compression=b"ima4"), order=">"), sound(n_bytes=908), kind=b"AIFC")
    assert promised(content) == (len(content), 900, None)


@pytest.mark.parametrize("offset, n_bytes, said", [(0, 908, 900), (64, 908, 836), (64, 72, 400), (0, 0, 400)])
def test_the_longer_of_two_lengths_of_an_aiff_is_believed(offset, n_bytes, said):
    content = aiff(chunk(b"COMM", comm(frames=100), order=">"), sound(offset, n_bytes))
    assert promised(content)[:2] == (len(content) + offset, said)


AU = {1: "ULAW", 2: "PCM_S8", 3: "PCM_16", 4: "PCM_24", 5: "PCM_32", 6: "FLOAT", 7: "DOUBLE", 27: "ALAW", 23: None}


@pytest.mark.parametrize("head, order, endian", [(b".snd", ">", "BIG"), (b"dns.", "<", "LITTLE")])
@pytest.mark.parametrize("encoding", sorted(AU))
def test_an_au_of_every_kind(head, order, endian, encoding):
    content = head + struct.pack(order + "5I", 32, 700, encoding, 22050, 2)
    subtype = AU[encoding]
    assert promised(content) == (32, 700, Samples(22050, 2, subtype, endian) if subtype else None)


def caf(*chunks):
    return b"caff\0\x01\0\0" + b"".join(chunks)


def caf_chunk(name, content=b"", n_bytes=None):
    return name + struct.pack(">q", len(content) if n_bytes is None else n_bytes) + content


def desc(kind=b"lpcm", flags=0, sample_bytes=2, channels=2, rate_hz=44100.0):
    return struct.pack(">d4s5I", rate_hz, kind, flags, channels * sample_bytes, 1, channels, 8 * sample_bytes)


@pytest.mark.parametrize(
    "kind, flags, sample_bytes, subtype",
    [
        (b"lpcm", 0, 1, "PCM_S8"),
        (b"lpcm", 0, 2, "PCM_16"),
        (b"lpcm", 2, 3, "PCM_24"),
        (b"lpcm", 2, 4, "PCM_32"),
        (b"lpcm", 1, 4, "FLOAT"),
        (b"lpcm", 3, 8, "DOUBLE"),
        (b"alaw", 0, 1, "ALAW"),
        (b"ulaw", 0, 1, "ULAW"),
        (b"aac ", 0, 0, None),
    ],
)
def test_a_caf_of_every_kind(kind, flags, sample_bytes, subtype):
    form = caf_chunk(b"desc", desc(kind, flags, sample_bytes))
    content = caf(form, caf_chunk(b"free", b"odd"), caf_chunk(b"data", bytes(4), 804))
    endian = "LITTLE" if flags & 2 else "BIG"
    assert promised(content) == (len(content), 800, Samples(44100, 2, subtype, endian) if subtype else None)


@pytest.mark.parametrize("n_bytes, said", [(-1, None), (4, None), (0, None), (5, 1), (4 + (7 << 32), 7 << 32)])
def test_the_length_of_a_caf_has_64_bits(n_bytes, said):
    content = caf(caf_chunk(b"desc", desc()), caf_chunk(b"data", bytes(4), n_bytes))
    assert promised(content)[:2] == (len(content), said)


@pytest.mark.parametrize("rate_hz, known", [(math.nan, False), (math.inf, False), (-44100.0, False), (0.5, True)])
def test_a_rate_that_is_no_number_is_none(rate_hz, known):
    content = caf(caf_chunk(b"desc", desc(rate_hz=rate_hz)), caf_chunk(b"data", bytes(4), 804))
    assert (promised(content).samples is not None) is known


def test_a_chunk_before_the_samples_has_no_negative_length():
    content = caf(caf_chunk(b"desc", desc()), caf_chunk(b"free", n_bytes=-1), caf_chunk(b"data", bytes(4), 804))
    assert promised(content) is None
    assert promised(content.replace(b"free" + b"\xff" * 8, b"free" + bytes(8))) is not None


ENDLESS = {
    "wav": (b"RIFF\0\0\0\0WAVE", chunk(b"junk")),
    "w64": (w64(), long_chunk(b"junk")),
    "aiff": (b"FORM\0\0\0\0AIFF", chunk(b"junk")),
    "caf": (caf(), caf_chunk(b"free")),
}


@pytest.mark.parametrize("container", sorted(ENDLESS))
def test_the_samples_are_looked_for_in_a_thousand_chunks_and_no_further(container):
    """And a header that ends before them promises nothing."""
    head, junk = ENDLESS[container]
    reads = []

    def read_at(at, n_bytes):
        if at < len(head):
            return head[at : at + n_bytes]
        reads.append(at)
        return junk[:n_bytes]

    assert read_promise(read_at, SIZE) is None
    assert 990 <= len(reads) <= 1000
    assert promised(head) is promised(head + junk) is promised(head + junk[:-1]) is None


@pytest.mark.parametrize("content", [b"", b"fLaC" + bytes(99), b"RIFF\0\0\0\0AVI " + bytes(99), b"FORM\0\0\0\0ILBM"])
def test_another_container_promises_nothing(content):
    assert promised(content) is None
