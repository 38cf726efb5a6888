"""What a path names is looked at before a byte of it is read, and never waited for."""

import os
import socket

import pytest

from edge.errors import UserError
from edge.files import check_regular, is_named_pipe, naming, open_regular, read_regular, write_whole

MOST = 1000


def fifo(path):
    os.mkfifo(str(path))


def listening_socket(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))


def sparse(path):
    with open(str(path), "wb") as file:
        file.truncate(10**9)


def locked(path):
    path.write_bytes(b"x")
    path.chmod(0)


REFUSED = {
    "missing": (lambda path: None, "no such file"),
    "directory": (lambda path: path.mkdir(), "is a directory"),
    "named pipe": (fifo, "is a named pipe"),
    "socket": (listening_socket, "is a socket"),
    "endless device": (lambda path: path.symlink_to("/dev/zero"), "is a device"),
    "endless link": (lambda path: path.symlink_to(path), "cannot be read"),
    "a gigabyte": (sparse, r"has 1000\.0 MB, and at most 0\.001 MB"),
    "below a file": (lambda path: path.write_bytes(b""), "no such file"),
}


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_what_is_no_file_of_that_size_is_refused_unread_in_one_line(tmp_path, kind):
    make, reason = REFUSED[kind]
    make(tmp_path / "x")
    path = str(tmp_path / "x" / "y" if kind == "below a file" else tmp_path / "x")
    for read in (read_regular, check_regular, open_regular):
        with pytest.raises(UserError, match=reason) as error:
            read(path, MOST)
        assert str(error.value).startswith(path + ": ") and "\n" not in str(error.value)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    locked(tmp_path / "x")
    with pytest.raises(UserError, match="check its permissions"):
        open_regular(str(tmp_path / "x"))


def test_a_file_is_read_to_its_last_byte_and_no_further(tmp_path):
    (tmp_path / "x").write_bytes(b"a" * MOST)
    assert read_regular(str(tmp_path / "x"), MOST) == b"a" * MOST
    with pytest.raises(UserError, match="has 0.0 MB, and at most"):
        read_regular(str(tmp_path / "x"), MOST - 1)


def test_no_descriptor_stays_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError):
            open_regular(str(path))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_zero_byte_in_a_path_is_said():
    with pytest.raises(UserError, match="check the path"):
        open_regular("a\0b")


def test_a_file_that_has_more_than_it_said_is_not_read_as_if_that_were_all():
    """As one that grows meanwhile: a file of /proc has 0 bytes until it is read."""
    assert os.stat("/proc/self/status").st_size == 0
    with pytest.raises(UserError, match="MB are read of such a file"):
        read_regular("/proc/self/status", 100)
    assert read_regular("/proc/self/status", 1000000).startswith(b"Name:")


def test_a_pipe_is_known_by_its_path_alone(tmp_path):
    fifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    names = ("pipe", "file", "none", "a\0b")
    assert [is_named_pipe(str(tmp_path / name)) for name in names] == [True, False, False, False]


def test_a_file_is_written_whole_and_may_be_read_by_whom_the_umask_lets(tmp_path):
    path = tmp_path / "x"
    before = os.umask(0o027)
    try:
        write_whole(str(path), [b"one ", b"and ", b"all"])
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert path.read_bytes() == b"one and all"
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(str(tmp_path)) == ["x"]


def test_a_file_that_cannot_be_written_to_its_end_leaves_what_was_there(tmp_path):
    def parts():
        yield b"the first"
        raise OSError(28, "No space left on device")

    (tmp_path / "x").write_bytes(b"before")
    with pytest.raises(OSError, match="No space"):
        write_whole(str(tmp_path / "x"), parts())
    assert (tmp_path / "x").read_bytes() == b"before"
    assert os.listdir(str(tmp_path)) == ["x"]


def test_a_disk_that_is_full_says_of_which_file():
    said = "No space left on device: 'kept.npz'"
    with pytest.raises(OSError, match=said), naming("kept.npz"), open("/dev/full", "wb") as file:
        file.write(b"a")


@pytest.mark.parametrize("number", [1, 5, 12, 13, 24])
def test_any_other_reason_is_said_in_the_system_s_words(monkeypatch, number):
    def refuse(path, flags):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr("edge.files.os.open", refuse)
        with pytest.raises(UserError) as error:
            open_regular("/cot/a.wav")
    said = "/cot/a.wav: cannot be read ({}): check its permissions".format(os.strerror(number))
    assert str(error.value) == said
