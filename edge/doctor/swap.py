"""Whether memory of a running monitor is on a disk, or could come there: swap, and what keeps it out."""

import os
from typing import List

from edge.doctor import processes
from edge.doctor.finding import OK, WARNING, WRONG, Finding
from edge.runtime.private_memory import swap_on_disk

NOT_IN_FORCE = "not in force"
SWITCH_OFF = "switch it off: swapoff -a; on a Raspberry Pi also: systemctl disable dphys-swapfile"
MOST_LEVELS = 32  # of groups within groups


def swap_finding(pids: List[int], root: str = "/") -> Finding:
    """Look at swap, and at what of each process is in it or is kept out of it. root: in tests, a copy of the system."""
    on_disk = swap_on_disk(root)
    proc = os.path.join(root, "proc")
    evidence = ["swap on a disk: " + (", ".join(on_disk) or "none")]
    swapped, loose = [], []
    for pid in pids:
        status = processes.read_status(pid, proc)
        limit = swap_limit(pid, root)
        locked = kilobytes(status, "VmLck")
        evidence.append(
            "{}: {} kB in swap, {} kB locked, memory.swap.max {}".format(
                pid, kilobytes(status, "VmSwap"), locked, limit
            )
        )
        if kilobytes(status, "VmSwap"):
            swapped.append(str(pid))
        if limit != "0" and locked < kilobytes(status, "VmRSS"):
            loose.append(str(pid))
    if on_disk and swapped:
        found = "memory of {} is on {}".format(", ".join(swapped), ", ".join(on_disk))
        return Finding("swap", WRONG, found, SWITCH_OFF, tuple(evidence))
    if loose:
        kept = "nothing keeps {} out of swap: its memory is not locked, and memory.swap.max is not 0".format(
            ", ".join(loose)
        )
        if on_disk:
            found = "swap is on {}, and {}".format(", ".join(on_disk), kept)
            return Finding("swap", WARNING, found, SWITCH_OFF + "; or run it as the service", tuple(evidence))
        return Finding("swap", OK, "none is on a disk now; " + kept, "", tuple(evidence))
    return Finding("swap", OK, "its memory is kept out of swap, whatever is switched on", "", tuple(evidence))


def kilobytes(status, key) -> int:
    """A size of /proc/PID/status; 0 where the kernel does not tell."""
    words = status.get(key, "").split()
    return int(words[0]) if words and words[0].isdigit() else 0


def swap_limit(pid: int, root: str = "/") -> str:
    """memory.swap.max that holds for a process, the smallest of its group and those around it; "not in force" without.

    Raspberry Pi OS starts without the memory controller: then the files are not there.
    """
    found = []
    for folder in _group_folders(pid, root):
        try:
            with open(os.path.join(folder, "memory.swap.max")) as file:
                found.append(file.read().strip())
        except OSError:
            continue
    numbers = [int(limit) for limit in found if limit.isdigit()]
    if numbers:
        return str(min(numbers))
    return found[0] if found else NOT_IN_FORCE


def _group_folders(pid, root):
    """Yield the folder of the process's group in the unified hierarchy, and those above it."""
    try:
        with open(os.path.join(root, "proc", str(pid), "cgroup")) as file:
            paths = [line.rstrip("\n").partition("::")[2] for line in file if line.startswith("0::")]
    except OSError:
        return
    for path in paths:
        for mounted in ("sys/fs/cgroup", "sys/fs/cgroup/unified"):
            parts = [part for part in path.split("/") if part][:MOST_LEVELS]
            for depth in range(len(parts), -1, -1):
                yield os.path.join(root, mounted, *parts[:depth])
