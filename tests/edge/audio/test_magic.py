"""What bytes begin: every frame of MPEG audio by the tables of its standard, and the first bytes of other files."""

import pytest

from edge.audio.magic import MAGICS, is_enough, kind_of_file

# ISO/IEC 11172-3 and 13818-3, kbit/s by index: version 1 layers I, II, III; version 2 layer I; layers II and III.
STANDARD = """
 1   32   32   32   32    8
 2   64   48   40   48   16
 3   96   56   48   56   24
 4  128   64   56   64   32
 5  160   80   64   80   40
 6  192   96   80   96   48
 7  224  112   96  112   56
 8  256  128  112  128   64
 9  288  160  128  144   80
10  320  192  160  160   96
11  352  224  192  176  112
12  384  256  224  192  128
13  416  320  256  224  144
14  448  384  320  256  160
"""
ROWS = [[int(number) for number in line.split()] for line in STANDARD.strip().splitlines()]
VERSIONS = {1: 3, 2: 2, 2.5: 0}  # MPEG version: its two bits
RATES_HZ = {1: (44100, 48000, 32000), 2: (22050, 24000, 16000), 2.5: (11025, 12000, 8000)}


def frame_header(version, layer, bit_rate_index, rate_index=0, padding=0):
    """Of MPEG audio without a checksum, joint stereo: so much of the third and fourth byte is of no account."""
    return bytes(
        [
            0xFF,
            0xE0 | VERSIONS[version] << 3 | 4 - layer << 1 | 1,
            bit_rate_index << 4 | rate_index << 2 | padding << 1 | 1,
            0x64,
        ]
    )


def frame_bytes(version, layer, kbit_per_s, rate_hz, padding=0):
    """As long as its samples sound, in slots of 4 bytes in layer I and of one byte in the others."""
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 1 else 1152
    slot_bytes = 4 if layer == 1 else 1
    return (samples * kbit_per_s * 1000 // (8 * slot_bytes * rate_hz) + padding) * slot_bytes


def is_frame(header, n_bytes):
    """Whether a frame of exactly so many bytes is known: by the header that follows it, and by none elsewhere."""
    following = {n: header + bytes([0x55]) * (n - 4) + header[:2] for n in (n_bytes - 1, n_bytes, n_bytes + 1)}
    found = {n: kind_of_file(begun) for n, begun in following.items()}
    assert not found[n_bytes - 1] and not found[n_bytes + 1]
    assert not kind_of_file(following[n_bytes][:-1])  # of the following header there must be two bytes
    return found[n_bytes]


@pytest.mark.parametrize("version", [1, 2, 2.5])
@pytest.mark.parametrize("layer, kind", [(1, "an MPEG audio file"), (2, "an MPEG audio file"), (3, "an MP3 file")])
def test_a_frame_of_every_bit_rate_is_known_by_its_length(version, layer, kind):
    column = layer if version == 1 else 4 if layer == 1 else 5
    for row in ROWS:
        length = frame_bytes(version, layer, row[column], RATES_HZ[version][0])
        assert is_frame(frame_header(version, layer, row[0]), length) == kind


@pytest.mark.parametrize("version", [1, 2, 2.5])
@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("rate_index", [0, 1, 2])
@pytest.mark.parametrize("padding", [0, 1])
def test_a_frame_of_every_sample_rate_is_known_padded_or_not(version, layer, rate_index, padding):
    column = layer if version == 1 else 4 if layer == 1 else 5
    length = frame_bytes(version, layer, ROWS[8][column], RATES_HZ[version][rate_index], padding)
    assert is_frame(frame_header(version, layer, 9, rate_index, padding), length)


def test_what_a_file_of_everyday_begins_with():
    """128 kbit/s at 44.1 kHz: 417 bytes, and 418 where a byte of padding is in it."""
    assert is_frame(b"\xff\xfb\x90\x64", 417) == is_frame(b"\xff\xfb\x92\x64", 418) == "an MP3 file"


@pytest.mark.parametrize(
    "header",
    [
        b"\xff\xeb\x90\x64",  # a version that is reserved
        b"\xff\xf9\x90\x64",  # a layer that is reserved: of AAC
        b"\xff\xfb\x0c\x64",  # a sample rate that is reserved
        b"\xff\xfb\x00\x64",  # any bit rate
        b"\xff\xfb\xf0\x64",  # none
        b"\xff\xdb\x90\x64",  # eleven bits of a header are set, not ten
        b"\xfe\xfb\x90\x64",
    ],
)
def test_what_is_no_header_begins_no_file(header):
    for n_bytes in range(4, 2000):
        assert not kind_of_file(header + bytes(n_bytes - 4) + header[:2])


@pytest.mark.parametrize("header", [b"\xff\xf1", b"\xff\xf0", b"\xff\xf9", b"\xff\xf8"])  # MPEG-4, 2; checksum or none
@pytest.mark.parametrize("n_bytes", [7, 8, 371, 2047, 2048, 8191])
def test_a_frame_of_aac_is_known_by_the_thirteen_bits_of_its_length(header, n_bytes):
    begun = header + bytes([0x50, 0x80 | n_bytes >> 11, n_bytes >> 3 & 0xFF, (n_bytes & 7) << 5 | 0x1F])
    assert kind_of_file(begun + bytes(n_bytes - 6) + header) == "an AAC file"
    assert kind_of_file(begun + bytes(n_bytes - 6) + b"\0" + header) == ""


@pytest.mark.parametrize("offset, magic, kind", MAGICS)
def test_every_magic_is_known_with_what_follows_it_and_by_its_twelve_bytes(offset, magic, kind):
    begun = b"\0" * offset + magic
    assert len(begun) <= 12
    assert kind_of_file(begun) == kind_of_file(begun + bytes(99)) == kind
    assert kind_of_file(begun[:-1]) == kind_of_file(b"\x01" + begun) == ""


def test_a_transport_stream_shows_three_packets():
    packet = b"G" + bytes(187)
    assert kind_of_file(3 * packet) == kind_of_file(2 * packet + b"G") == "an MPEG transport stream"
    assert kind_of_file(2 * packet + b"\0") == kind_of_file(2 * packet) == ""


@pytest.mark.parametrize(
    "begun, enough", [(b"\0", 12), (b"\xff\xdf", 12), (b"\xff\xe0", 3000), (b"\xff\xff", 3000), (b"G", 3000)]
)
def test_what_looks_like_mpeg_is_waited_for_until_a_second_frame_would_show(begun, enough):
    assert not is_enough(begun + bytes(enough - 1 - len(begun)))
    assert is_enough(begun + bytes(enough - len(begun)))


def test_the_longest_frame_and_the_next_header_fit_into_what_is_waited_for():
    longest = max(
        frame_bytes(version, layer, row[layer if version == 1 else 4 if layer == 1 else 5], rate_hz, 1)
        for version in VERSIONS
        for layer in (1, 2, 3)
        for row in ROWS
        for rate_hz in RATES_HZ[version]
    )
    assert longest + 2 <= 3000
