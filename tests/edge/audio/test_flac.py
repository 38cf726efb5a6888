"""How long a FLAC is, from its frames alone, as RFC 9639 writes them."""

import struct

import pytest

from edge.audio.flac import count_samples, crc, header_with, is_flac, samples_in_header

BLOCK = 4096  # samples, of a stream with blocks of one size


def stream_info(total=0, block=BLOCK):
    """The beginning of a FLAC: 44.1 kHz, stereo, 16 bits."""
    rates = 44100 << 44 | 1 << 41 | 15 << 36 | total
    return b"fLaC\x80\0\0\x22" + struct.pack(">HH", block, block) + bytes(6) + struct.pack(">Q", rates) + bytes(16)


def coded(number):
    """As UTF-8, and on to 36 bits."""
    if number < 0x80:
        return bytes([number])
    more = 1
    while number >> 6 * more >= 1 << (6 - more):
        more += 1
    first = (0xFF00 >> (more + 1)) & 0xFF | number >> 6 * more
    return bytes([first] + [0x80 | number >> 6 * at & 0x3F for at in reversed(range(more))])


def frame(number, block_code=12, rate_code=9, extra=b"", variable=False, body=b"\0" * 40):
    """A frame with both of its checksums; block code 12 is 4096 samples."""
    header = bytes([0xFF, 0xF8 | variable, block_code << 4 | rate_code, 0x18]) + coded(number) + extra
    header += bytes([crc(header, 0x07, 8)])
    return header + body + struct.pack(">H", crc(header + body, 0x8005, 16))


def counted(content):
    return count_samples(lambda at, n: content[at : at + n], len(content))


def test_the_checksums_are_those_of_the_standard():
    assert crc(b"123456789", 0x07, 8) == 0xF4
    assert crc(b"123456789", 0x8005, 16) == 0xFEE8


@pytest.mark.parametrize("number", [0, 1, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x1FFFFF, 0x200000, 0x3FFFFFF])
@pytest.mark.parametrize("variable", [False, True])
def test_the_last_frame_tells_how_many_samples_there_are(number, variable):
    content = stream_info() + frame(0) + frame(number, variable=variable)
    assert counted(content) == (number * (1 if variable else BLOCK) + 4096, True)


@pytest.mark.parametrize("number", [0x4000000, 0x7FFFFFFF, 0x80000000, (1 << 36) - 1])
def test_the_first_sample_of_a_long_recording_has_36_bits(number):
    assert counted(stream_info() + frame(number, variable=True)) == (number + 4096, True)


@pytest.mark.parametrize(
    "block_code, extra, n_samples",
    [
        (1, b"", 192),
        (2, b"", 576),
        (3, b"", 1152),
        (4, b"", 2304),
        (5, b"", 4608),
        (6, b"\x00", 1),
        (6, b"\xff", 256),
        (7, b"\x01\x00", 257),
        (7, b"\xff\xff", 65536),
        (8, b"", 256),
        (9, b"", 512),
        (12, b"", 4096),
        (15, b"", 32768),
    ],
)
def test_a_frame_of_every_size(block_code, extra, n_samples):
    content = stream_info() + frame(0) + frame(1, block_code, extra=extra)
    assert counted(content) == (BLOCK + n_samples, True)


@pytest.mark.parametrize("rate_code, extra", [(code, b"") for code in range(12)] + [(12, b"\x2c")])
def test_a_frame_of_every_rate(rate_code, extra):
    assert counted(stream_info() + frame(3, rate_code=rate_code, extra=extra)) == (4 * BLOCK, True)


@pytest.mark.parametrize("rate_code", [13, 14])
def test_a_rate_of_two_bytes_stands_after_the_size_of_the_block(rate_code):
    assert counted(stream_info() + frame(3, rate_code=rate_code, extra=b"\x3e\x80")) == (4 * BLOCK, True)
    both = frame(3, block_code=7, rate_code=rate_code, extra=b"\x00\x63\x3e\x80")
    assert counted(stream_info() + both) == (3 * BLOCK + 100, True)


@pytest.mark.parametrize("lost", [1, 2, 20, 41])
def test_a_last_frame_that_was_cut_counts_as_none(lost):
    content = stream_info() + frame(0) + frame(1)
    assert counted(content[:-lost]) == (BLOCK, False)
    assert counted(content + b"\x01") == (BLOCK, False)


@pytest.mark.parametrize("header", [{"block_code": 0}, {"rate_code": 15}])  # reserved; not allowed
def test_what_the_standard_does_not_allow_is_no_frame(header):
    assert counted(stream_info() + frame(0) + frame(1, **header) + b"\x01") == (0, False)
    assert counted(stream_info() + frame(0) + frame(1) + b"\x01") == (BLOCK, False)


@pytest.mark.parametrize("at, byte", [(3, 0x19), (4, 0x81), (4, 0xFF), (5, 0x00)])
def test_a_header_with_a_wrong_byte_is_no_frame_though_its_checksum_is_right(at, byte):
    """Of the bit that is reserved, and of the number: no first byte, one too long, a wrong second."""
    wrong = bytearray(frame(0x80)[:6])
    wrong[at] = byte
    wrong += bytes([crc(bytes(wrong), 0x07, 8)])
    content = stream_info() + frame(0) + bytes(wrong) + bytes(50)
    assert counted(content) == (0, False)


@pytest.mark.parametrize("n_bytes", [0, 1, 2, 5, 6])
def test_the_beginning_of_a_header_is_no_frame(n_bytes):
    content = stream_info() + frame(0) + frame(0x10000)[:n_bytes]
    assert counted(content) == (BLOCK if not n_bytes else 0, not n_bytes)


def test_without_a_frame_there_are_no_samples():
    assert counted(stream_info()) == counted(stream_info() + bytes(1000)) == (0, False)


def test_a_frame_after_two_megabytes_is_found_and_one_that_is_far_too_large_is_none():
    content = stream_info() + bytes(2 << 20) + frame(7)
    assert counted(content) == (8 * BLOCK, True)
    assert counted(stream_info() + frame(7, body=bytes((1 << 17) + 1))) == (7 * BLOCK, False)


@pytest.mark.parametrize("total", [0, 1, (1 << 36) - 1])
def test_the_header_says_how_many_there_are(total):
    content = stream_info(total)
    assert samples_in_header(lambda at, n: content[at : at + n]) == total


@pytest.mark.parametrize("samples", [0, 5, (1 << 36) - 1, 1 << 36])
def test_a_number_is_put_into_the_header_and_nothing_else_is_changed(samples):
    content = stream_info(1234567)
    at, replacement = header_with(lambda at, n: content[at : at + n], samples)
    changed = content[:at] + replacement + content[at + len(replacement) :]
    assert changed == stream_info(min(samples, (1 << 36) - 1))


@pytest.mark.parametrize(
    "content, known",
    [
        (stream_info(), True),
        (stream_info()[:4] + b"\0" + stream_info()[5:], True),  # other blocks follow
        (stream_info()[:-1], False),
        (b"fLaX" + stream_info()[4:], False),
        (stream_info()[:4] + b"\x84" + stream_info()[5:], False),  # another block comes first
        (b"", False),
    ],
)
def test_a_flac_is_known_by_the_whole_of_its_stream_info(content, known):
    assert is_flac(lambda at, n: content[at : at + n]) is known
