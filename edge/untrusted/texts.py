"""Text of others: bounded in size, UTF-8, with or without a byte-order mark."""

from edge.errors import UserError
from edge.files import read_regular
from edge.text import printable

MAX_DOCUMENT_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Malformed(UserError):
    """A file whose content is not what it should be; `reason` says where and what."""

    def __init__(self, path, what, reason, advice=""):
        """what: "is not valid JSON", for example, or nothing."""
        name, self.reason = printable(str(path)), reason
        start = "{} {}".format(name, what) if what else name
        super().__init__("{}: {}{}".format(start, reason, advice and "; " + advice))


def read_text(path, what="is no text", max_bytes=MAX_DOCUMENT_BYTES, advice=""):
    """UTF-8 text of a regular file of at most so many bytes.

    Raises UserError when it cannot be read, Malformed, which says `what` it is not, when it is no text.
    """
    return decoded(read_regular(path, max_bytes), path, what, advice)


def decoded(content, path, what, advice):
    """Bytes as UTF-8 text, without a byte-order mark. Raises Malformed."""
    if content.startswith(UTF_16):
        raise Malformed(path, what, "it is UTF-16 text: save it as UTF-8", advice)
    try:
        return (content[len(BOM) :] if content.startswith(BOM) else content).decode("utf-8")
    except UnicodeDecodeError as error:
        reason = "byte {} is no UTF-8 text: save it as UTF-8".format(error.start)
        raise Malformed(path, what, reason, advice) from error
