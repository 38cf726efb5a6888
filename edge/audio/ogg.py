"""The pages of an OGG: whether the last is there, and where one stream ends and the next begins.

A radio or a baby-phone's server joins recordings end to end: each is a stream of its own, and decoders stop at the
first.
"""

from typing import List

HEADER_BYTES = 27
FLAGS_AT = 5
FIRST_PAGE, LAST_PAGE = 0x02, 0x04
SEGMENT_COUNT_AT = 26
LARGEST_PAGE_BYTES = 65307


def is_ogg(read_at) -> bool:
    """Whether a file begins with a page."""
    return read_at(0, 4) == b"OggS"


def stream_begins(read_at, size: int) -> List[int]:
    """Where each of the joined streams begins, in bytes; [0] for an OGG of one."""
    begins, at, is_first_before = [], 0, False
    while at < size:
        header = read_at(at, HEADER_BYTES + 255)
        if header[:4] != b"OggS" or len(header) < HEADER_BYTES:
            break
        is_first = bool(header[FLAGS_AT] & FIRST_PAGE)
        if is_first and not is_first_before:  # the first pages of streams that run side by side lie together
            begins.append(at)
        is_first_before = is_first
        segments_end = HEADER_BYTES + header[SEGMENT_COUNT_AT]
        at += segments_end + sum(header[HEADER_BYTES:segments_end])
    return begins or [0]


def missing_from_ogg(read_at, size: int) -> str:
    """What the last page lacks, in words; empty when it is whole and says that it is the last."""
    begin = max(0, size - LARGEST_PAGE_BYTES)
    tail = read_at(begin, size - begin)
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < HEADER_BYTES or not page[FLAGS_AT] & LAST_PAGE:
        return "its last page is missing"
    segments = page[SEGMENT_COUNT_AT]
    missing = HEADER_BYTES + segments + sum(page[HEADER_BYTES : HEADER_BYTES + segments]) - len(page)
    return "its last page lacks {} bytes".format(missing) if missing > 0 else ""
