"""The evidence that what is heard stays in memory: what a running monitor has open, and what holds it.

Every finding is read from the kernel or from systemd, at this moment; NOT_SEEN says what cannot be read so.
"""

import os
from typing import List, Tuple

from edge.doctor import processes
from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.doctor.swap import swap_finding
from edge.learning.marked_file import FILE, PARTIAL, folder_beside

NETWORK = ("tcp", "tcp6", "udp", "udp6", "udplite", "udplite6", "raw", "raw6", "icmp", "icmp6", "packet")
DATABASE_FILES = ("", "-wal", "-shm", "-journal", ".lock")
IN_MEMORY = ("/memfd:", "/dev/shm/", "/SYSV", "/run/", "/dev/zero")
NO_DISK = ("/dev/null", "/dev/snd/", "/dev/zero", "/dev/pts/", "/dev/tty", "/dev/nv")  # devices that keep nothing
STANDARD_ERROR = 2
UNPRINTABLE = "[unprintable]"  # what systemd 237 shows of RestrictAddressFamilies
MOST_WORDS = 12  # of a setting; a system-call filter has three hundred

# What the unit must say, as `systemctl show` prints it.
SANDBOX = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "DevicePolicy": "closed",
    "LimitCORE": "0",
    "PrivateNetwork": "yes",
    "RestrictAddressFamilies": "AF_UNIX",
    "MemorySwapMax": "0",
}
# systemd 237 does not know this value; locked memory does the same, which is looked at by itself.
NEWER = ("MemorySwapMax",)
SHOWN_TOO: Tuple[str, ...] = ("InaccessiblePaths", "TemporaryFileSystem", "MemoryMax", "TasksMax", "LimitFSIZE")
SHOWN_TOO += ("LimitMEMLOCK", "DeviceAllow", "SystemCallFilter", "MemoryDenyWriteExecute", "StateDirectory")
SHOWN_TOO += ("CapabilityBoundingSet",)
UNIT_PROPERTIES = tuple(SANDBOX) + SHOWN_TOO

NOT_SEEN = (
    "What was opened and closed before this moment: strace of a whole run shows it.",
    "The other end of a Unix socket: /proc does not name it; ss -xp does.",
    "What other programs record: the monitor's sandbox holds the monitor only.",
    "Pages in swap of other programs that were given sound, such as a sound server.",
)


class Unseen(Exception):
    """The kernel does not show it to this user."""


def privacy_findings(pid: int, database: str, unit) -> List[Finding]:
    """Look at a monitor and all that it started.

    pid: of the monitor. database: where it may write. unit: UNIT_PROPERTIES of it as a dict, None when it
    does not run under systemd. Raises ProcessLookupError when it is gone.
    """
    pids = [member for member in processes.family(pid) if processes.command_line(member)]
    if pid not in pids:  # gone, or dead and not yet buried: it has nothing open any more
        raise ProcessLookupError(pid)
    lines = tuple("{}: {}".format(member, processes.command_line(member)) for member in pids)
    findings = [Finding("processes", OK, "{} of the monitor".format(len(pids)), "", lines)]
    for look in (_files, _sockets, _network, _core_dumps, _swap):
        try:
            findings.append(look(pids, os.path.realpath(database)))
        except (PermissionError, FileNotFoundError, ProcessLookupError) as error:
            findings.append(
                Finding(
                    look.__name__.strip("_").replace("_", " "),
                    UNKNOWN,
                    "not shown: {}".format(error.strerror or error),
                    "sudo cry-monitor doctor --privacy",
                )
            )
    findings.append(_sandbox(unit))
    findings.append(Finding("not seen", UNKNOWN, "what /proc cannot show", "", NOT_SEEN))
    return findings


def _files(pids, database):
    """Files open for writing, and files that are written through memory."""
    allowed = [database + suffix for suffix in DATABASE_FILES]
    learnt = [os.path.join(folder_beside(database), name) for name in (FILE, PARTIAL)]
    evidence, strangers = [], []
    for pid in pids:
        written = {
            opened.target: opened.number
            for opened in reversed(processes.open_files(pid))
            if opened.for_writing and (opened.is_regular or opened.target.startswith("/"))
        }
        for path in sorted(set(written).union(processes.shared_writable_maps(pid))):
            if path in allowed:
                what = " (the database)"
            elif path in learnt:
                what = " (numbers of marked events, see learning below)"
            elif path.startswith(IN_MEMORY + NO_DISK):
                what = " (not on a disk)"
            elif written.get(path, STANDARD_ERROR + 1) <= STANDARD_ERROR:
                what = " (where whoever started it sent its log or its output)"
            else:
                what = ""
                strangers.append(path)
            evidence.append("{}: {}{}".format(pid, path, what))
    if strangers:
        return Finding(
            "files",
            WRONG,
            "open for writing beside the database: " + ", ".join(strangers),
            "stop the monitor and report it",
            tuple(evidence),
        )
    return Finding("files", OK, "nothing is open for writing but the database", "", tuple(evidence))


def _sockets(pids, _database):
    """Sockets of every kind."""
    evidence, network, of_camera = [], [], []
    for pid in pids:
        is_ffmpeg = processes.command_line(pid).split(" ")[0].endswith("/ffmpeg")
        journal = processes.environment(pid).get("JOURNAL_STREAM", "").partition(":")[2]
        for opened in processes.sockets(pid, processes.open_files(pid)):
            what = " (the journal)" if opened.inode == journal else ""
            evidence.append("{}: {}{}: {}".format(pid, opened.kind, what, opened.text))
            if opened.kind in NETWORK:
                (of_camera if is_ffmpeg else network).append(opened.kind)
    if network:
        return Finding(
            "sockets",
            WRONG,
            "of the network: " + ", ".join(network),
            "stop the monitor and report it",
            tuple(evidence),
        )
    if of_camera:
        return Finding(
            "sockets",
            WARNING,
            "of the network: ffmpeg's, which fetches the camera's sound",
            "run it as the service, where a unit of its own has that network (sudo make install)",
            tuple(evidence),
        )
    return Finding("sockets", OK, "{} open, none of a network".format(len(evidence)), "", tuple(evidence))


def _network(pids, _database):
    """Whether there is any network that the processes could reach."""
    seen = {name for pid in pids for name in processes.interfaces(pid)}
    evidence = ("interfaces: " + ", ".join(sorted(seen)),)
    if seen <= {"lo"}:
        return Finding("network", OK, "none can be reached: no interface but its own loopback", "", evidence)
    return Finding(
        "network",
        WARNING,
        "it could be reached, though no socket is open",
        "run it as the service, which has none (sudo make install)",
        evidence,
    )


def _core_dumps(pids, _database):
    """Whether a crash could write memory to the disk."""
    evidence, dumpable = [], []
    for pid in pids:
        limit = processes.core_limit(pid)
        owner = processes.read_status(pid).get("Uid", "0").split()[0]
        refuses = "unknown, it runs as root" if owner == "0" else str(processes.belongs_to_root(pid)).lower()
        evidence.append("{}: core limit {} / {}, refuses to be dumped: {}".format(pid, limit[0], limit[1], refuses))
        if limit != ("0", "0") or refuses == "false":
            dumpable.append(str(pid))
    if dumpable:
        return Finding("core dumps", WRONG, "possible of " + ", ".join(dumpable), "report it", tuple(evidence))
    return Finding("core dumps", OK, "switched off", "", tuple(evidence))


def _swap(pids, _database):
    """Whether memory of the monitor is on a disk, or could come there."""
    return swap_finding(pids)


def _sandbox(unit):
    """What systemd holds the service to."""
    if unit is None:
        return Finding("sandbox", UNKNOWN, "it does not run under systemd, which would hold it", "sudo make install")
    evidence = tuple(
        "{}={}".format(name, _shortened(unit.get(name, "not known to this systemd"))) for name in UNIT_PROPERTIES
    )
    loose = [name for name, value in SANDBOX.items() if unit.get(name) not in (value, UNPRINTABLE)]
    if set(loose) - set(NEWER):
        return Finding(
            "sandbox",
            WRONG,
            "looser than the unit that ships: " + ", ".join(loose),
            "systemctl revert cry-monitor; sudo make install",
            evidence,
        )
    if loose:
        return Finding(
            "sandbox",
            WARNING,
            "not in force here: " + ", ".join(loose),
            "see what swap says above",
            evidence,
        )
    return Finding("sandbox", OK, "as in the unit that ships", "", evidence)


def _shortened(setting):
    words = setting.split()
    if len(words) <= MOST_WORDS:
        return setting
    return "{} ... ({} in all)".format(" ".join(words[:MOST_WORDS]), len(words))
