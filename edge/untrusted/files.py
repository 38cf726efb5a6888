"""Regular files of bounded size, read whole: what is there is looked at before it is opened and read."""

import os
import stat

from edge.errors import UserError
from edge.text import printable

MAX_DOCUMENT_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(UserError):
    """A file that is not there, no regular file, too large or not to be read; `reason` says which."""

    def __init__(self, path, reason, advice=""):
        self.reason = reason
        super().__init__("cannot read {}: {}{}".format(printable(str(path)), reason, advice and "; " + advice))


class Malformed(UserError):
    """A file whose content is not what it should be; `reason` says where and what."""

    def __init__(self, path, kind, reason, advice=""):
        self.reason = reason
        super().__init__("{} is not {}: {}{}".format(printable(str(path)), kind, reason, advice and "; " + advice))


def open_regular(path, advice=""):
    """A regular file, open for reading bytes. Raises Unreadable; a pipe is not waited for."""
    try:
        handle = os.open(str(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise Unreadable(path, getattr(error, "strerror", None) or str(error), advice) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise Unreadable(path, "it is {}, no file".format(kind_of(mode)), advice)
    return os.fdopen(handle, "rb")


def kind_of(mode):
    """What st_mode says that something is, for a person: "a pipe"."""
    return next((name for is_kind, name in KINDS if is_kind(mode)), "a file")


def read_bytes(path, max_bytes=MAX_DOCUMENT_BYTES, advice=""):
    """The content of a regular file. Raises Unreadable, also when there is more than `max_bytes`."""
    with open_regular(path, advice) as file:
        try:
            content = file.read(max_bytes + 1)
        except OSError as error:
            raise Unreadable(path, error.strerror or str(error), advice) from error
        if len(content) <= max_bytes:
            return content
        size = max(os.fstat(file.fileno()).st_size, len(content))
    raise Unreadable(path, "it has {} bytes, more than {} are never right here".format(size, max_bytes), advice)


def read_text(path, kind="text", max_bytes=MAX_DOCUMENT_BYTES, advice=""):
    """UTF-8 text, with or without a byte-order mark. Raises Unreadable, or Malformed: it is not `kind`."""
    return decoded(read_bytes(path, max_bytes, advice), path, kind, advice)


def decoded(content, path, kind, advice):
    """Bytes as UTF-8 text, without a byte-order mark. Raises Malformed."""
    if content.startswith(UTF_16):
        raise Malformed(path, kind, "it is UTF-16 text: save it as UTF-8", advice)
    try:
        return (content[len(BOM) :] if content.startswith(BOM) else content).decode("utf-8")
    except UnicodeDecodeError as error:
        reason = "byte {} is no UTF-8 text: save it as UTF-8".format(error.start)
        raise Malformed(path, kind, reason, advice) from error
