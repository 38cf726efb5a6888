"""What a file of sound or of anything else begins with, so that its bytes are never heard as samples."""

MAGICS = (  # offset, bytes there, what begins so
    (0, b"RIFF", "a WAV file"),
    (0, b"RIFX", "a big-endian WAV file (RIFX)"),
    (0, b"RF64", "a long WAV file (RF64)"),
    (0, b"BW64", "a long WAV file (BW64)"),
    (0, b"riff", "a W64 file"),
    (0, b"FORM", "an AIFF file"),
    (0, b".snd", "an AU file"),
    (0, b"dns.", "an AU file"),
    (0, b"caff", "a CAF file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"OggS", "an OGG file"),
    (0, b"ID3", "an MP3 file"),
    (0, b"ADIF", "an AAC file"),
    (4, b"ftyp", "an MP4 or M4A file"),
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (0, b"#!AMR", "an AMR file"),
    (0, b"Creative Voi", "a VOC file"),
    (0, b"MThd", "a MIDI file"),
    (0, b"wvpk", "a WavPack file"),
    (0, b"MAC ", "a Monkey's Audio file"),
    (0, b"FLV\x01", "a Flash video"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "a WMA file"),
    (0, b"\x1f\x8b\x08", "a gzip file"),
    (0, b"PK\x03\x04", "a zip file"),
    (0, b"\x7fELF", "a program"),
)
MAGIC_BYTES = 12  # that the longest of them takes
FRAME_BYTES = 3000  # a frame of MPEG audio, and the header of the next

TS_PACKET_BYTES = 188
BIT_RATES = {  # kbit/s by (is version 1, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version's bits


def is_enough(begun: bytes) -> bool:
    """Whether so many bytes tell what they begin; samples that look like MPEG audio must show a second frame."""
    looks_like_mpeg = begun[:1] == b"\xff" and begun[1:2] >= b"\xe0" or begun[:1] == b"G"
    return len(begun) >= (FRAME_BYTES if looks_like_mpeg else MAGIC_BYTES)


def kind_of_file(begun: bytes) -> str:
    """What a file that begins with these bytes is, in words; empty when they may be samples."""
    for offset, magic, kind in MAGICS:
        if begun[offset : offset + len(magic)] == magic:
            return kind
    if begun[: 2 * TS_PACKET_BYTES + 1 : TS_PACKET_BYTES] == b"GGG":
        return "an MPEG transport stream"
    frame_bytes, kind = _mpeg_frame(begun)
    if frame_bytes and len(begun) >= frame_bytes + 2:
        following = begun[frame_bytes : frame_bytes + 2]
        if following[0] == 0xFF and following[1] == begun[1]:
            return kind
    return ""


def _mpeg_frame(begun):
    """(bytes of the frame, what it is a frame of) of MPEG audio or AAC; (0, "") of anything else."""
    if len(begun) < 6 or begun[0] != 0xFF or begun[1] < 0xE0:
        return 0, ""
    version, layer = begun[1] >> 3 & 3, 4 - (begun[1] >> 1 & 3)
    if begun[1] & 0xF6 == 0xF0:
        return (begun[3] & 3) << 11 | begun[4] << 3 | begun[5] >> 5, "an AAC file"
    bit_rate, rate, padding = begun[2] >> 4, begun[2] >> 2 & 3, begun[2] >> 1 & 1
    if version == 1 or layer == 4 or rate == 3 or bit_rate in (0, 15):
        return 0, ""
    bits_per_s = 1000 * BIT_RATES[version == 3, layer][bit_rate - 1]
    if layer == 1:
        return (12 * bits_per_s // RATES_HZ[version][rate] + padding) * 4, "an MPEG audio file"
    slots = 72 if layer == 3 and version != 3 else 144
    n_bytes = slots * bits_per_s // RATES_HZ[version][rate] + padding
    return n_bytes, "an MP3 file" if layer == 3 else "an MPEG audio file"
