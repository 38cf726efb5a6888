"""Where the socket is: each place that cannot be it is one line, and what a dead process left is replaced."""

import os
import socket
import subprocess
import sys

import pytest
from virtual_microphone import REPOSITORY

from edge.errors import UserError
from edge.sinks.place import default_path, identity, likely_paths, listen, passed_by_systemd

PASSED = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
from edge.sinks.place import passed_by_systemd
passed = passed_by_systemd()
print(passed and passed.getsockname(), bool(passed and passed.get_inheritable()))
"""


def test_only_this_user_may_connect(path):
    with listen(path):
        assert os.stat(path).st_mode & 0o777 == 0o600


def test_a_folder_that_is_not_there_is_made_for_this_user(folder):
    path = os.path.join(folder, "cry-monitor", "socket")
    with listen(path):
        assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_one_that_a_dead_process_left_is_replaced(path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    with listen(path), socket.socket(socket.AF_UNIX) as reader:
        reader.connect(path)


def test_one_of_a_living_process_is_left_alone_and_its_owner_named(path):
    with listen(path) as first:
        with pytest.raises(UserError, match="is the socket of process {}: stop it".format(os.getpid())):
            listen(path)
        for _ in range(66):  # its backlog is full: it is alive all the same
            waiting = socket.socket(socket.AF_UNIX)
            waiting.setblocking(False)
            waiting.connect_ex(path)
        with pytest.raises(UserError, match="is the socket of "):
            listen(path)
        assert first.getsockname() == path and os.path.exists(path)


@pytest.mark.parametrize("length, fits", [(107, True), (108, False)])
def test_a_path_has_at_most_107_bytes(folder, length, fits):
    path = os.path.join(folder, "")
    path += "s" * (length - len(path))
    if fits:
        listen(path).close()
    else:
        with pytest.raises(UserError, match="its path has 108 bytes and may have 107: set socket.path"):
            listen(path)


@pytest.mark.parametrize("kind", ["file", "directory", "no place"])
def test_what_is_no_socket_is_not_touched(folder, path, kind):
    if kind == "file":
        with open(path, "w") as file:
            file.write("a letter")
    elif kind == "directory":
        os.mkdir(path)
    else:
        path = "/proc/nowhere/socket"
    with pytest.raises(UserError, match="no socket: set" if kind != "no place" else "cannot be made .*: set"):
        listen(path)
    if kind == "file":
        with open(path) as file:
            assert file.read() == "a letter"


@pytest.mark.parametrize(
    "names",
    ["cry-monitor.socket", "cry-monitor@cot.socket", "other:cry-monitor.socket", None, "other", "xcry-monitor.socket"],
)
def test_systemd_s_is_taken_by_its_name(path, folder, names):
    other, ours = listen(path + "2"), listen(path)
    passed = [other, ours] if names and names.startswith("other:") else [ours]

    def as_systemd_does():
        for number, listening in enumerate(passed):
            os.dup2(listening.fileno(), 3 + number)

    environment = dict(os.environ, LISTEN_FDS=str(len(passed)))
    if names:
        environment["LISTEN_FDNAMES"] = names
    found = subprocess.check_output(
        [sys.executable, "-c", PASSED],
        cwd=REPOSITORY,
        env=environment,
        preexec_fn=as_systemd_does,
        close_fds=False,
    )
    assert found.decode().strip() == ("None" if names in ("other", "xcry-monitor.socket") else path) + " False"
    other.close()
    ours.close()


def test_the_places_are_the_runtime_directory_the_user_s_then_beside_the_database(monkeypatch):
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert default_path("/var/events.db") == "/var/events.db.socket"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert default_path("/var/events.db") == "/run/user/7/cry-monitor/socket"
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/cry-monitor:/run/other")
    assert default_path("/var/events.db") == "/run/cry-monitor/socket"
    assert likely_paths("/my/socket", "/var/events.db") == ["/my/socket"]
    assert likely_paths("", "/var/events.db")[0] == "/run/cry-monitor.socket"


def test_why_a_place_cannot_be_is_said_in_the_systems_words(folder):
    with open(os.path.join(folder, "file"), "w"):
        pass
    with pytest.raises(
        UserError, match=r"file/socket cannot be made \((Not a directory|File exists)\): set socket.path"
    ):
        listen(os.path.join(folder, "file", "socket"))


def test_another_process_s_sockets_are_none_of_ours(monkeypatch):
    for pid, count in ((str(os.getpid() + 1), "1"), (str(os.getpid()), "0"), (None, "1")):
        monkeypatch.setenv("LISTEN_FDS", count)
        monkeypatch.delenv("LISTEN_PID", raising=False)
        if pid:
            monkeypatch.setenv("LISTEN_PID", pid)
        assert passed_by_systemd() is None


def test_a_path_counts_in_bytes(folder):
    path = os.path.join(folder, "\u00e9" * 60)
    with pytest.raises(UserError, match="its path has {} bytes".format(len(os.fsencode(path)))):
        listen(path)


def test_a_file_that_takes_another_s_place_is_known(folder):
    first, second = os.path.join(folder, "a"), os.path.join(folder, "b")
    for name in (first, second):
        with open(name, "w"):
            pass
    assert identity(first) == identity(first) != identity(second)
    before = identity(first)
    os.rename(second, first)
    assert identity(first) != before and identity(second) is None


def test_the_umask_is_left_as_it_was(path):
    before = os.umask(0o022)
    try:
        listen(path).close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_place_in_this_folder_needs_no_other(folder, monkeypatch):
    monkeypatch.chdir(folder)
    listen("socket").close()
    assert os.path.exists(os.path.join(folder, "socket"))
