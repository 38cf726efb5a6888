"""Whether the wall clock can be believed: a board without a clock battery starts with any date."""

import ctypes
import os
import time

KERNEL_UNSYNCHRONISED = 5  # adjtimex(2), TIME_ERROR
TIMEX_BYTES = 512  # more than struct timex takes anywhere
TIMESYNCD_SAYS = "/run/systemd/timesync/synchronized"  # made by systemd-timesyncd at its first answer
BOOT_ID = "/proc/sys/kernel/random/boot_id"
JUMP_S = 2.0  # a clock that moved so much against the machine's own was set
STEADY_S = 86400.0  # a clock that was set is believed again after so long
EARLIER_S = 60.0  # rows of one start lie no further ahead of its clock, however it is slewed


def is_synchronised():
    """Whether a time server keeps the clock: the kernel or timesyncd says so; None when neither tells."""
    if os.path.exists(TIMESYNCD_SAYS):
        return True
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != KERNEL_UNSYNCHRONISED


def boot_id() -> str:
    """What names this start of the machine; empty where the system does not tell."""
    try:
        with open(BOOT_ID, encoding="ascii", errors="replace") as file:
            return file.read(64).strip()
    except OSError:
        return ""


class WatchedClock:
    """The wall clock beside the machine's own, which nobody sets: whether the time of day can be believed.

    now_utc(): seconds since 1970; monotonic_s(): seconds since the machine started; synchronised(): is_synchronised.
    """

    def __init__(self, now_utc=time.time, monotonic_s=time.monotonic, synchronised=is_synchronised):
        self.now_utc = now_utc
        self.monotonic_s = monotonic_s
        self._synchronised = synchronised
        self._offset_s = now_utc() - monotonic_s()
        self._set_at_s = None  # when it was last seen to have been set, by the machine's own clock

    def note(self) -> None:
        """See whether it was set since it was last looked at."""
        offset_s = self.now_utc() - self.monotonic_s()
        self.compare(offset_s - self._offset_s)
        self._offset_s = offset_s

    def compare(self, moved_s: float) -> None:
        """It was seen to have moved by so much against the machine's own."""
        if abs(moved_s) > JUMP_S:
            self._set_at_s = self.monotonic_s()

    def distrust(self, newest_utc: float) -> str:
        """Why nothing may be judged by it, in words; empty when it can be believed.

        newest_utc: the latest time that was ever written down by it.
        """
        self.note()
        synchronised = self._synchronised()
        if not synchronised:
            return "the clock is not synchronised" if synchronised is False else "nothing says that the clock is right"
        if self.now_utc() < newest_utc - EARLIER_S:
            return "the clock is before what was written last"
        if self._set_at_s is not None and self.monotonic_s() - self._set_at_s < STEADY_S:
            return "the clock was set less than a day ago"
        return ""
