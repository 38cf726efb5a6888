"""Where the database is, and how it is opened: private to its user, and nothing that is not ours is touched."""

import os
import sqlite3
import stat
from contextlib import suppress
from urllib.parse import quote

from edge.errors import UserError
from edge.files import expand_home
from edge.store.failures import NewerSchema, NotOurs, Unusable
from edge.store.schema import APPLICATION_ID, SCHEMA_VERSION, pragma

FOLDER = "cry-monitor"
BESIDE = ".cry-monitor.db"  # after the name of what is not ours
SUFFIXES = ("-wal", "-shm", "-journal")  # of the files that SQLite keeps beside one
HEADER = b"SQLite format 3\0"
HEADER_BYTES = 100
NEWEST_FORMAT = 2  # bytes 18 and 19 of the header: WAL
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
OTHERS, GROUP, GROUP_READS = 0o007, 0o070, 0o040
GROUP_MAY_READ = 0o050  # of a folder


def default_path() -> str:
    """events.db in the service's state directory, else in the user's. Raises UserError where there is no home."""
    service = os.environ.get("STATE_DIRECTORY")
    if service:
        return os.path.join(service.split(":")[0], "events.db")
    home = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(home):  # as the standard says
        home = expand_home("~/.local/state", "database")
    return os.path.join(home, FOLDER, "events.db")


def whole_path(path) -> str:
    """The absolute path of a database; None is the default. Raises UserError where none can be made of it."""
    path = expand_home(path, "database") if path else default_path()
    if "\0" in path:
        raise UserError("database {!r} holds a NUL: no path does; give another --db FILE".format(path))
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise UserError(
            "database {}: the folder in which this was started is gone: go to another".format(path)
        ) from None


def check_kind(path) -> None:
    """Raises NotOurs for what is no file; OSError when it cannot be seen. What is not there is ours to make."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise NotOurs("{} is no file, and is left alone: give another --db FILE".format(path))


def check_header(path) -> None:
    """Raises Unusable for a file that is no database, and where SQLite's files beside it are none; OSError.

    Not while this process has it open: closing any file lets go of the locks that SQLite holds on it.
    """
    if not os.path.exists(path):
        return
    with open(path, "rb") as file:
        header = file.read(HEADER_BYTES)
    if header and (len(header) < HEADER_BYTES or not header.startswith(HEADER)):
        raise Unusable("{}: file is not a database".format(path))
    if header and max(header[18:20]) > NEWEST_FORMAT:
        raise Unusable("{} has a header of an unknown format".format(path))
    for suffix in SUFFIXES:
        if os.path.lexists(path + suffix) and not os.path.isfile(path + suffix):
            raise Unusable("{}{} is no file".format(path, suffix))


def connect(path, read_only, busy_s):
    """An sqlite3.Connection. Raises OSError or sqlite3.Error."""
    if read_only:
        uri = "file:{}?mode=ro{}".format(quote(path), "&immutable=1" if _is_at_rest(path) else "")
        connection = sqlite3.connect(uri, timeout=busy_s, isolation_level=None, uri=True)
    else:
        _make_private(path)
        connection = sqlite3.connect(path, timeout=busy_s, isolation_level=None)
    # Text that is no UTF-8 is text of a damaged row, and no reason to lose the others.
    connection.text_factory = lambda content: content.decode("utf-8", "backslashreplace")
    return connection


def checked_version(connection, path, read_only):
    """The file's schema version, 0 when it is empty.

    Raises NotOurs for another program's database, NewerSchema unless it is only read, Unusable for a version that is
    none.
    """
    version = pragma(connection, "user_version")
    tables = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    if tables and pragma(connection, "application_id") != APPLICATION_ID:
        raise NotOurs("{} is another program's database, and is left alone: give another --db FILE".format(path))
    if version > SCHEMA_VERSION and not read_only:
        raise NewerSchema(
            "{} has schema {}, this cry-monitor writes up to {}: update it, or give another --db FILE".format(
                path, version, SCHEMA_VERSION
            ),
            version,
        )
    if version < 0 or (tables and not version):
        raise Unusable("{} has schema {}, which there is not: it is damaged".format(path, version))
    return version


def _is_at_rest(path):
    """Nobody who reads here can write beside it, and nothing of it is in a log: SQLite wants no other file then."""
    folder = os.path.dirname(path)
    is_read_only_disk = os.statvfs(folder).f_flag & os.ST_RDONLY
    may_write = os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
    # Beside a database that a monitor has open lies its index: whoever reads without would miss what it changes.
    return (is_read_only_disk or not may_write) and not _size(path + "-wal") and not os.path.exists(path + "-shm")


def _size(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _make_private(path):
    """A night at home is nobody else's business: a new file, and the folder that is made for it, are its user's alone.

    In the service's state directory the group may read where it may read the folder: systemd says who that is.
    """
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=PRIVATE_FOLDER, exist_ok=True)
    mode = PRIVATE_FILE | (GROUP_READS if _is_for_group(folder) else 0)
    with suppress(OSError):  # it is there, or cannot be made: SQLite says which
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, mode))
        os.chmod(path, mode)  # whatever the umask


def tighten(path) -> None:
    """Take from others what they may do with a database of ours, and with its folder where that is ours alone.

    In the service's state directory its group may read, where it may read the folder, and nothing otherwise.
    """
    folder = os.path.dirname(path)
    for each in (path,) + tuple(path + suffix for suffix in SUFFIXES):
        _change(each, OTHERS | GROUP, GROUP_READS if _is_for_group(folder) else 0)
    if os.path.basename(folder) == FOLDER:
        _change(folder, OTHERS if _is_service() else OTHERS | GROUP)


def _is_service():
    return bool(os.environ.get("STATE_DIRECTORY"))


def _is_for_group(folder):
    """Whether systemd has said that the service's group may read there: where the page is enabled."""
    return _is_service() and os.stat(folder).st_mode & GROUP_MAY_READ == GROUP_MAY_READ


def _change(path, taken, given=0):
    with suppress(OSError):  # it is not there, or another user's, who decides
        mode = stat.S_IMODE(os.stat(path).st_mode)
        if mode & ~taken | given != mode:
            os.chmod(path, mode & ~taken | given)
