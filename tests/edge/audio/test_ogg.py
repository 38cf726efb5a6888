"""The pages of an OGG, as RFC 3533 writes them: where streams begin, and whether the last page is whole."""

import pytest

from edge.audio.ogg import is_ogg, missing_from_ogg, stream_begins

FIRST, LAST = 2, 4


def page(flags=0, segments=(10,)):
    """A page of segments with so many bytes each."""
    return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([len(segments)]) + bytes(segments) + b"x" * sum(segments)


def read_from(content):
    return lambda at, n: content[at : at + n]


def begins(*pages):
    content = b"".join(pages)
    return stream_begins(read_from(content), len(content))


def missing(content):
    return missing_from_ogg(read_from(content), len(content))


def test_an_ogg_begins_with_a_page():
    assert is_ogg(read_from(page())) and not is_ogg(read_from(b"OggX" + bytes(99))) and not is_ogg(read_from(b""))


def test_joined_streams_begin_where_their_first_pages_lie():
    stream = [page(FIRST, (30,)), page(0, (255, 255, 7)), page(LAST, (0,))]
    n_bytes = len(b"".join(stream))
    assert begins(*stream) == [0]
    assert begins(*stream * 3) == [0, n_bytes, 2 * n_bytes]


def test_streams_that_run_side_by_side_are_one():
    assert begins(page(FIRST), page(FIRST), page(), page(LAST)) == [0]
    one = [page(FIRST), page(LAST)]
    assert begins(page(FIRST), page(FIRST), page(LAST), *one) == [0, len(3 * page())]


@pytest.mark.parametrize("flags", [FIRST | LAST, FIRST | 1])
def test_a_page_may_be_more_than_the_first(flags):
    assert begins(page(flags), page(), page(flags)) == [0, 2 * len(page())]


@pytest.mark.parametrize("end", [b"TAG" + bytes(100), bytes(40), b"Ogg" + bytes(40)])
def test_what_is_no_page_ends_the_search(end):
    assert begins(page(FIRST), page(LAST), page(FIRST)) == [0, 2 * len(page())]
    assert begins(page(FIRST), page(LAST), end, page(FIRST)) == [0]
    assert begins(end) == begins() == [0]


def test_a_page_without_its_header_begins_no_stream():
    header = page(FIRST, ())
    assert begins(page(FIRST), page(LAST), header) == [0, 2 * len(page())]
    assert begins(page(FIRST), page(LAST), header[:-1]) == [0]


def test_a_last_page_that_is_whole_lacks_nothing():
    for segments in ((), (0,), (10,), (255,) * 255):
        assert missing(page(FIRST) + page(LAST, segments)) == ""
    assert missing(page(LAST) + b"TAG" + bytes(125)) == ""


def test_a_last_page_that_does_not_say_so_is_missing():
    assert missing(page(FIRST) + page()) == missing(page(FIRST)) == "its last page is missing"


@pytest.mark.parametrize("lost", [1, 10, 11])
def test_what_the_last_page_lacks_is_counted(lost):
    content = page(FIRST) + page(LAST, (10, 255))
    assert missing(content[:-lost]) == "its last page lacks {} bytes".format(lost)
    assert missing(page(FIRST) + page(LAST, (255,) * 255)[:-lost]) == "its last page lacks {} bytes".format(lost)


def test_a_header_that_is_cut_is_no_last_page():
    assert missing(page(LAST, ())[:-1]) == missing(b"") == missing(page(LAST) + b"OggS") == "its last page is missing"
    assert missing(page(LAST, ())) == ""
