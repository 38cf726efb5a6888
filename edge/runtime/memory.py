"""Enough memory to hear with, asked for before native code needs it.

OpenBLAS that gets none asks again for ever, in a loop that no signal handler of Python's interrupts; an engine aborts.
"""

import mmap
import resource

from edge.errors import UserError

LEAST_ADDRESS_SPACE_MB = 300  # what ships takes 270 MB of addresses, of which it uses 90
BLAS_MB = 64  # twice what OpenBLAS maps for one thread


def require_memory() -> None:
    """Raises UserError when this process may not have what hearing takes."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE_MB * 1000000:
        raise UserError(
            "this process may use {:.0f} MB of addresses and needs {}: allow more (ulimit -v)".format(
                limit / 1e6, LEAST_ADDRESS_SPACE_MB
            )
        )
    try:
        mmap.mmap(-1, BLAS_MB * 1000000).close()
    except (OSError, MemoryError):
        raise UserError("there is no memory left for {} MB: close other programs".format(BLAS_MB)) from None
