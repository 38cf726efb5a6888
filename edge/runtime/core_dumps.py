"""No core dump holds what was heard: the process refuses to be dumped.

The limit alone is not enough, as the kernel pipes the memory to systemd-coredump or apport whatever it is; and the
refusal alone is not, as a program that is started loses it. A child that hears calls this for itself.
"""

import resource
from contextlib import suppress

PR_SET_DUMPABLE = 4  # prctl(2)


def forbid_core_dumps() -> None:
    """Set RLIMIT_CORE to 0 and PR_SET_DUMPABLE off, as far as the system lets us."""
    with suppress(OSError, ValueError):  # a system-call filter may refuse it: then the unit has set it
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ImportError, OSError, AttributeError, MemoryError):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
