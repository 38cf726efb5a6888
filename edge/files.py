"""Files that other people wrote: what kind of thing a path names, and how big it is, before a byte of it is read.

A path is opened once, without waiting for anybody, and the descriptor is asked what it is: a named pipe, a socket, a
device or a directory is refused, and so is what is larger than such a file can be. Whoever reads goes on with the same
descriptor: the path may name something else by then.
"""

import errno
import os
import stat
import tempfile
from contextlib import contextmanager

from edge.errors import UserError
from edge.text import printable, user_name

MEGABYTE = 1000000
NOT_WAITING = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def shown(path):
    """A path as text: any bytes make a path, not any make text."""
    return printable(os.fsdecode(path))


def open_descriptor(path):
    """Open whatever a path names, for reading, without waiting; returns the descriptor.

    Raises UserError when there is nothing, or it may not be read.
    """
    try:
        return os.open(path, NOT_WAITING)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError("{}: no such file: check the path".format(shown(path))) from error
    except ValueError as error:  # a zero byte
        raise UserError("{!r}: {}: check the path".format(path, error)) from error
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise UserError("{}: is a socket, not a file: check the path".format(shown(path))) from error
        raise UserError("{}: cannot be read ({}): check its permissions".format(shown(path), error.strerror)) from error


def kind_of(descriptor):
    """What an open descriptor is, in words; empty for a regular file."""
    mode = os.fstat(descriptor).st_mode
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "" if stat.S_ISREG(mode) else "no file")


def is_named_pipe(path):
    """Whether a path names a pipe, which is not opened: what is read from it is gone."""
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def open_regular(path, max_bytes=None):
    """Open a regular file of at most so many bytes, for reading bytes.

    Raises UserError, before anything is read: missing, not readable, no regular file, too large.
    """
    descriptor = open_descriptor(path)
    try:
        kind = kind_of(descriptor)
        if kind:
            raise UserError("{}: is {}, not a file: check the path".format(shown(path), kind))
        n_bytes = os.fstat(descriptor).st_size
        if max_bytes is not None and n_bytes > max_bytes:
            raise too_large(path, n_bytes, max_bytes)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def check_regular(path, max_bytes=None):
    """Raise what open_regular raises: for what a library opens by its path."""
    open_regular(path, max_bytes).close()


def read_regular(path, max_bytes):
    """All bytes of a regular file, at most so many, also where it grows meanwhile; raises what open_regular raises."""
    with open_regular(path, max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise too_large(path, len(content), max_bytes)
    return content


def too_large(path, n_bytes, max_bytes):
    """The UserError of a file with more bytes than it can have."""
    return UserError(
        "{}: has {:.1f} MB, and at most {:g} MB are read of such a file: check the path".format(
            shown(path), n_bytes / MEGABYTE, max_bytes / MEGABYTE
        )
    )


@contextmanager
def naming(path):
    """Whatever cannot be written meanwhile says that it was this file: a full disk names none."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def write_whole(path, parts, private=False):
    """Write a file of parts in bytes, or leave what was there. private: for its user alone. Raises OSError."""
    handle, partial = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(path)), prefix=".part-")
    try:
        with naming(path), os.fdopen(handle, "wb") as file:
            for part in parts:
                file.write(part)
        if not private:
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(partial, 0o666 & ~umask)  # as if it had been opened for writing: others may have to read it
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def remove_file(path):
    """Remove a file; whether it was there. Raises UserError."""
    try:
        os.remove(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UserError("{}: cannot be removed ({})".format(shown(path), error.strerror or error)) from error
    return True


def expand_home(path: str, what: str) -> str:
    """`path` with a leading ~ replaced. Raises UserError, beginning with `what`, where no home is known."""
    expanded = os.path.expanduser(path)
    if expanded.startswith("~"):
        raise UserError(
            "{} {}: no home directory is known to {}: set HOME, or give a whole path".format(
                what, printable(path), user_name()
            )
        )
    return expanded
