"""Who is at the other end: the kernel says it, and who may be told follows from that."""

import io
import os
import socket

import pytest

from edge.sinks import peers
from edge.sinks.peers import Peer, group_of, may_be_told, peer_of


@pytest.fixture
def connection():
    ours, theirs = socket.socketpair()
    yield ours
    ours.close()
    theirs.close()


def test_the_kernel_says_who_it_is(connection):
    assert peer_of(connection) == Peer(os.getpid(), os.getuid(), os.getgid())


@pytest.fixture
def told(monkeypatch, connection):
    """told(uid, gid, groups, group, own=1000, **guarded) -> whether such a one may be told."""

    def told(uid, gid, groups, group, own=1000, **guarded):
        monkeypatch.setattr(peers, "peer_of", lambda connection: Peer(4711, uid, gid))
        monkeypatch.setattr(peers, "_groups", lambda connection, peer: {gid} | set(groups))
        monkeypatch.setattr(peers.os, "geteuid", lambda: own)
        return may_be_told(connection, group, **guarded)

    return told


@pytest.mark.parametrize(
    "uid, gid, groups, group, may",
    [
        (1000, 1000, [], -1, True),  # the monitor's own user
        (0, 0, [], -1, True),
        (1, 1, [], -1, False),
        (1001, 50, [], 50, True),
        (1001, 7, [50], 50, True),
        (1001, 7, [8], 50, False),
    ],
)
def test_own_user_root_and_the_socket_s_group_may_be_told(told, uid, gid, groups, group, may):
    assert told(uid, gid, groups, group) is may


def test_in_a_sandbox_who_came_through_a_guarded_socket_may_be_told(told, monkeypatch):
    monkeypatch.setattr(peers, "_unseen_user", lambda: 65534)
    assert told(65534, 65534, [], 50, is_guarded=True)
    assert not told(65534, 65534, [], 50)
    assert not told(1001, 65534, [], 50, is_guarded=True)


@pytest.mark.parametrize(
    "uid_map, overflow, unseen",
    [
        ("         0          0 4294967295\n", "65534\n", -1),  # no sandbox: whoever it is is seen
        ("         0          0 4294967294\n", "65534\n", 65534),
        ("       991        991          1\n", "65534\n", 65534),
        ("", "65534\n", -1),
        ("0 0 1\n", "none\n", -1),
        (None, "65534\n", -1),
        ("0 0 1\n", None, -1),
    ],
)
def test_what_a_user_is_called_who_cannot_be_seen(monkeypatch, uid_map, overflow, unseen):
    contents = {"/proc/self/uid_map": uid_map, "/proc/sys/kernel/overflowuid": overflow}

    def opened(path):
        if contents[path] is None:
            raise OSError(2, "No such file or directory")
        return io.StringIO(contents[path])

    monkeypatch.setattr(peers, "open", opened, raising=False)
    assert peers._unseen_user() == unseen


@pytest.mark.parametrize(
    "mode, has_one", [(0o660, True), (0o620, True), (0o640, False), (0o600, False), (0o606, False)]
)
def test_the_group_of_a_file_counts_where_it_may_connect(tmp_path, mode, has_one):
    path = tmp_path / "socket"
    path.write_text("")
    path.chmod(mode)
    assert group_of(str(path)) == (path.stat().st_gid if has_one else -1)
    assert group_of(str(tmp_path / "none")) == -1


def test_all_of_a_peer_s_groups_are_known(connection):
    assert peers._groups(connection, peer_of(connection)) >= {os.getgid()}
    assert set(os.getgroups()) <= peers._groups(connection, peer_of(connection))


class OlderKernel:
    """It does not tell a peer's groups."""

    def getsockopt(self, *arguments):
        raise OSError(92, "Protocol not available")


def test_an_older_kernel_is_helped_by_the_system_s_lists(monkeypatch):
    class Listed:
        def __init__(self, gid, members):
            self.gr_gid, self.gr_mem = gid, members

    def name_of(uid):
        if uid != 1000:
            raise KeyError(uid)
        return type("Entry", (), {"pw_name": "nurse"})

    monkeypatch.setattr(peers.pwd, "getpwuid", name_of)
    monkeypatch.setattr(peers.grp, "getgrall", lambda: [Listed(50, ["nurse", "cook"]), Listed(60, ["cook"])])
    assert peers._groups(OlderKernel(), Peer(1, 1000, 7)) == {7, 50}
    assert peers._groups(OlderKernel(), Peer(1, 1001, 7)) == {7}
