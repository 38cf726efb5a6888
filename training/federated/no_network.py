"""A process leaves the network: a namespace of its own, in which there is none."""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

from edge.errors import UserError

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)
GET_FLAGS, IS_UP = 0x8913, 0x1  # netdevice(7): SIOCGIFFLAGS, IFF_UP
ADVICE = (
    "allow it (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0), start the "
    "SuperNode with CAP_SYS_ADMIN, or accept that what trains could reach a network: has-network=true in --node-config"
)


def leave_network() -> None:
    """From here on this process, and what it starts, has no interface that is up. Before any thread is started.

    Raises UserError where the kernel does not give this user a namespace.
    """
    user, group = os.getuid(), os.getgid()
    if unshare(NEW_NETWORK):
        reason = unshare(NEW_USER | NEW_NETWORK)
        if reason:
            raise UserError(f"what trains cannot leave the network: {reason}; {ADVICE}")
        keep_identity(user, group)
    there = interfaces_up()
    if there:
        raise UserError(f"what trains has left the network and still sees {', '.join(there)}; {ADVICE}")


def unshare(flags: int) -> str:
    """Give this process namespaces of its own; why it could not, or an empty text."""
    libc = ctypes.CDLL(None, use_errno=True)
    return "" if libc.unshare(flags) == 0 else os.strerror(ctypes.get_errno())


def keep_identity(user: int, group: int) -> None:
    """In a namespace of users: be who one was, or no file could be made."""
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def interfaces_up() -> list[str]:
    """Of the network that this process sees; some kernels put tunnels into every namespace, which are down."""
    up = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            answer = fcntl.ioctl(probe, GET_FLAGS, struct.pack("16sH22x", name.encode(), 0))
            if struct.unpack_from("16sH", answer)[1] & IS_UP:
                up.append(name)
    return up
