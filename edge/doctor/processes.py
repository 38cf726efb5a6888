"""What the kernel shows of other processes in /proc. `root` is /proc, or a copy of it in tests."""

import os
import re
import stat
from typing import Dict, List, NamedTuple, Tuple

PROC = "/proc"
WRITING = os.O_WRONLY | os.O_RDWR
# Tables of sockets, and the column that holds the inode: counted from the left, or from the right.
SOCKET_TABLES = {
    "tcp": 9,
    "tcp6": 9,
    "udp": 9,
    "udp6": 9,
    "udplite": 9,
    "udplite6": 9,
    "raw": 9,
    "raw6": 9,
    "icmp": 9,
    "icmp6": 9,
    "packet": -1,
    "netlink": -1,
    "unix": 6,
}


class OpenFile(NamedTuple):
    """One open file descriptor."""

    number: int
    target: str  # a path, or "socket:[123]", "pipe:[123]", "anon_inode:..."
    for_writing: bool
    is_regular: bool  # a file with contents, not a device, pipe or socket


class Socket(NamedTuple):
    """One open socket."""

    kind: str  # the name of its table: tcp, unix, ...; "unknown" when it is in none
    inode: str
    text: str  # its line of the table


def family(pid: int, root: str = PROC) -> List[int]:
    """The process and all that it started and they started, itself first."""
    children = {}  # type: Dict[int, List[int]]
    for name in os.listdir(root):
        if name.isdigit():
            status = read_status(int(name), root)
            if "PPid" in status:
                children.setdefault(int(status["PPid"]), []).append(int(name))
    found = [pid]
    for member in found:
        found += sorted(children.get(member, []))
    return found


def read_status(pid: int, root: str = PROC) -> Dict[str, str]:
    """/proc/PID/status as a dict; empty when the process is gone."""
    lines = _lines(root, pid, "status")
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def command_line(pid: int, root: str = PROC) -> str:
    """What was started, with its arguments."""
    return " ".join("".join(_lines(root, pid, "cmdline")).split("\0")).strip()


def environment(pid: int, root: str = PROC) -> Dict[str, str]:
    """What the process was started with. Raises PermissionError."""
    pairs = "".join(_lines(root, pid, "environ")).split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def open_files(pid: int, root: str = PROC) -> List[OpenFile]:
    """Every open file descriptor. Raises PermissionError for somebody else's process."""
    folder = os.path.join(root, str(pid), "fd")
    return [
        _open_file(root, pid, int(name), os.path.join(folder, name))
        for name in sorted(os.listdir(folder), key=int)
        if os.path.lexists(os.path.join(folder, name))
    ]


def sockets(pid: int, files: List[OpenFile], root: str = PROC) -> List[Socket]:
    """What the kernel's tables, as the process sees them, say of its sockets."""
    inodes = re.findall(r"socket:\[(\d+)\]", " ".join(file.target for file in files))
    known = {}
    for table, column in SOCKET_TABLES.items():
        for line in _lines(root, pid, os.path.join("net", table))[1:]:
            words = line.split()
            if len(words) > abs(column):
                known[words[column]] = Socket(table, words[column], line.strip())
    return [known.get(inode, Socket("unknown", inode, "in no table of this process")) for inode in inodes]


def shared_writable_maps(pid: int, root: str = PROC) -> List[str]:
    """Files that the process writes by writing to memory. Raises PermissionError."""
    found = []
    for line in _lines(root, pid, "maps"):
        words = line.split(None, 5)
        if len(words) == 6 and words[1][1] == "w" and words[1][3] == "s" and words[5].startswith("/"):
            found.append(words[5].strip())
    return sorted(set(found))


def interfaces(pid: int, root: str = PROC) -> List[str]:
    """Network interfaces that the process can see."""
    return [line.split(":")[0].strip() for line in _lines(root, pid, "net/dev") if ":" in line]


def core_limit(pid: int, root: str = PROC) -> Tuple[str, str]:
    """Soft and hard limit of a core dump. Raises PermissionError."""
    for line in _lines(root, pid, "limits"):
        if line.startswith("Max core file size"):
            return tuple(line[len("Max core file size") :].split()[:2])
    return ("unknown", "unknown")


def belongs_to_root(pid: int, root: str = PROC) -> bool:
    """Whether its files in /proc are root's: of a process that is not root's own, the sign that it cannot be dumped."""
    return os.stat(os.path.join(root, str(pid), "fd")).st_uid == 0


def _open_file(root, pid, number, path):
    try:
        target = os.readlink(path)
    except FileNotFoundError:  # closed meanwhile
        target = "closed meanwhile"
    flags = 0
    for line in _lines(root, pid, os.path.join("fdinfo", str(number))):
        if line.startswith("flags:"):
            flags = int(line.split()[1], 8)
    try:
        is_regular = stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        is_regular = target.startswith("/") and not target.startswith("/dev/")
    return OpenFile(number, target, bool(flags & WRITING), is_regular)


def _lines(root, pid, name):
    """Lines of a file of a process; none when the file or the process is not there."""
    try:
        with open(os.path.join(root, str(pid), name), encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return []
