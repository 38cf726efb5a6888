"""Whether a recording ends where it says: libsndfile reads a WAV or OGG that was cut short without a word."""

import os
import struct

# Programs that write a WAV into a pipe cannot know its length and put a number near 2 or 4 GB there.
UNKNOWN_LENGTH_BYTES = 0x7FF00000

OGG_LARGEST_PAGE_BYTES = 65307
OGG_FLAGS_AT = 5  # in a page's header
OGG_LAST_PAGE = 0x04
OGG_SEGMENT_COUNT_AT = 26


def find_truncation(path: str) -> str:
    """Return what the end of a WAV or OGG lacks, in words; empty when it is whole or of another format."""
    with open(path, "rb") as recording:
        head = recording.read(12)
        if head[:4] == b"RIFF" and head[8:] == b"WAVE":
            return _missing_from_wav(recording, os.path.getsize(path))
        if head[:4] == b"OggS":
            return _missing_from_ogg(recording, os.path.getsize(path))
    return ""


def _missing_from_wav(recording, size: int) -> str:
    """Walk the chunks behind the RIFF header to the samples, and compare their length with the file's."""
    while True:
        header = recording.read(8)
        if len(header) < 8:
            return ""
        chunk, chunk_bytes = struct.unpack("<4sI", header)
        if chunk == b"data":
            missing = recording.tell() + chunk_bytes - size
            if missing <= 0 or chunk_bytes >= UNKNOWN_LENGTH_BYTES:
                return ""
            return "its header promises {} bytes more".format(missing)
        recording.seek(chunk_bytes + chunk_bytes % 2, os.SEEK_CUR)


def _missing_from_ogg(recording, size: int) -> str:
    """Look at the last page: its flags must say that it is the last, and its segments must be there."""
    recording.seek(max(0, size - OGG_LARGEST_PAGE_BYTES))
    tail = recording.read()
    page = tail[max(0, tail.rfind(b"OggS")) :]
    segments_at = OGG_SEGMENT_COUNT_AT + 1
    if len(page) < segments_at or not page[OGG_FLAGS_AT] & OGG_LAST_PAGE:
        return "its last page is missing"
    segment_bytes = page[segments_at : segments_at + page[OGG_SEGMENT_COUNT_AT]]
    missing = segments_at + page[OGG_SEGMENT_COUNT_AT] + sum(segment_bytes) - len(page)
    return "its last page lacks {} bytes".format(missing) if missing > 0 else ""
