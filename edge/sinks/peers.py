"""Who is at the other end of a local socket, as the kernel knows it, and whether they may be told."""

import grp
import os
import pwd
import socket
import struct
from contextlib import suppress
from typing import NamedTuple, Set

CREDENTIALS = struct.Struct("3i")  # unix(7): struct ucred
SO_PEERGROUPS = 59  # Linux 4.13
MOST_GROUPS = 64
ALL_USERS = 2**32 - 1  # user_namespaces(7): the first namespace has them all


class Peer(NamedTuple):
    """A process at the other end, when it connected."""

    pid: int
    uid: int
    gid: int


def peer_of(connection: socket.socket) -> Peer:
    """Who connected (SO_PEERCRED)."""
    return Peer(*CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)))


def may_be_told(connection: socket.socket, group: int, is_guarded: bool = False) -> bool:
    """Whether the peer is the monitor's own user, root, or in the group of the socket's file.

    In a sandbox with users of its own (PrivateUsers=) all others look alike. A socket that systemd has made
    `is_guarded` by its mode, which keeps strangers from connecting at all: who cannot be told from them has passed it.
    """
    peer = peer_of(connection)
    if peer.uid in (0, os.geteuid()) or group in _groups(connection, peer):
        return True
    return is_guarded and peer.uid == _unseen_user()


def group_of(path: str) -> int:
    """The group of the socket's file, -1 when it may not connect anyway."""
    with suppress(OSError):
        there = os.stat(path)
        if there.st_mode & 0o020:
            return there.st_gid
    return -1


def _unseen_user():
    """What a user is called who does not exist in this user namespace; -1 where all do."""
    with suppress(OSError, ValueError, IndexError):
        with open("/proc/self/uid_map") as uid_map:
            if int(uid_map.read().split()[2]) >= ALL_USERS:
                return -1
        with open("/proc/sys/kernel/overflowuid") as overflow:
            return int(overflow.read())
    return -1


def _groups(connection, peer) -> Set[int]:
    with suppress(OSError):
        packed = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, 4 * MOST_GROUPS)
        return {peer.gid}.union(struct.unpack("{}I".format(len(packed) // 4), packed))
    with suppress(KeyError, OSError):  # an older kernel: as the system's lists have it
        name = pwd.getpwuid(peer.uid).pw_name
        return {peer.gid}.union(group.gr_gid for group in grp.getgrall() if name in group.gr_mem)
    return {peer.gid}
