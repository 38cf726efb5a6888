"""What was heard stays in memory: no core dump holds it, and it is not moved to a disk by swapping.

Every process that hears calls this for itself: neither a program that is started nor a fork keeps memory locked.
"""

import ctypes
import os
import resource
from contextlib import suppress

from edge.log import log
from edge.runtime.core_dumps import forbid_core_dumps

MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # mlockall(2)
ZRAM = "/dev/zram"  # compressed, in memory


def keep_private(live: bool = False) -> None:
    """Forbid core dumps and lock the memory of this process; say so where it could be swapped to a disk all the same.

    live: a microphone is heard, and nothing of it is on a disk yet: then it is a warning.
    """
    forbid_core_dumps()
    why_not = lock_memory()
    devices = swap_on_disk() if why_not else []
    if devices:
        (log.warning if live else log.info)(
            "what is heard may be swapped to %s: %s; swapoff -a, or run it as the service", ", ".join(devices), why_not
        )


def lock_memory() -> str:
    """Lock all memory of this process as it is used, now and later; returns why it could not, or an empty string.

    Not tried under a limit that could be reached: memory that may not be locked is then not given at all.
    """
    unlimited = resource.RLIM_INFINITY
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (unlimited, unlimited))
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit != unlimited and os.geteuid() != 0:
        return "its memory is not locked, as this user may lock {} kB (ulimit -l)".format(limit // 1024)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0:
            return ""
        return "its memory is not locked ({})".format(os.strerror(ctypes.get_errno()))
    except (OSError, AttributeError, MemoryError) as error:
        return "its memory is not locked ({})".format(error)


def swap_on_disk(root: str = "/") -> list:
    """Devices and files that memory is swapped to and that are no memory themselves; [] where that is not shown."""
    try:
        with open(os.path.join(root, "proc/swaps")) as file:
            devices = [line.split()[0] for line in file.read().splitlines()[1:]]
    except OSError:
        return []
    return [device for device in devices if not device.startswith(ZRAM) or _writes_back(device, root)]


def _writes_back(device, root):
    """Whether a compressed device in memory moves what is idle to a disk."""
    path = os.path.join(root, "sys/block", os.path.basename(device), "backing_dev")
    try:
        with open(path) as file:
            return file.read().strip() not in ("none", "")
    except OSError:
        return False
