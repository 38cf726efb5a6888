"""What kept a run from being what it would have been alone: throttling, other programs, stolen time."""

import os
import resource
import time

LEAST_CPU_SHARE = 0.97  # of the wall time, while there is work: less was spent waiting for the processor
MOST_OF_OTHERS = 0.10  # of all cores
MOST_STEAL = 0.01  # by the hypervisor, of all cores
MOST_SWITCHES_PER_S = 20.0  # involuntary ones
MOST_YARDSTICK_SPREAD = 1.15  # of the fixed work between the rounds: slowest over fastest
MOST_CLOCK_LOSS = 0.9  # of the highest clock that was seen


class Watch(object):
    """Counts from its making until `reasons` is asked."""

    def __init__(self):
        self._wall_s = time.perf_counter()
        self._cpu_s = time.process_time()
        self._switches = resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
        self._jiffies = jiffies()

    def figures(self):
        """Shares of the time since it was made: a dict of JSON; what the system does not say is None."""
        wall_s = time.perf_counter() - self._wall_s
        cpu_s = time.process_time() - self._cpu_s
        figures = {
            "cpu_share": cpu_s / wall_s,
            "involuntary_switches_per_s": (resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw - self._switches)
            / wall_s,
            "others_share": None,
            "steal_share": None,
        }
        if self._jiffies:
            busy, stolen, total = (now - before for now, before in zip(jiffies(), self._jiffies))
            if total:
                ours = cpu_s * os.sysconf("SC_CLK_TCK") / total
                figures["others_share"] = max(0.0, busy / float(total) - ours)
                figures["steal_share"] = stolen / float(total)
        return figures


def jiffies():
    """(busy, stolen, all) clock ticks of all cores since the start, or None."""
    try:
        with open("/proc/stat") as file:
            ticks = [int(tick) for tick in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return None
    user, nice, system, idle, waiting, interrupts, soft_interrupts, stolen = ticks
    busy = user + nice + system + interrupts + soft_interrupts
    return busy, stolen, busy + idle + waiting + stolen


def reasons(figures, yardsticks_s, before, during, after):
    """Why a run cannot be trusted, one text each; none when it can.

    figures: of Watch. yardsticks_s: one per round; empty for a soak, which waits on purpose. before, during, after:
    of board.moment; during: a list.
    """
    found = []
    if yardsticks_s and figures["cpu_share"] < LEAST_CPU_SHARE:
        found.append("waited for the processor {:.0%} of the time".format(1.0 - figures["cpu_share"]))
    if (figures["others_share"] or 0.0) > MOST_OF_OTHERS:
        found.append("other programs used {:.0%} of the processor".format(figures["others_share"]))
    if (figures["steal_share"] or 0.0) > MOST_STEAL:
        found.append("the hypervisor took {:.1%} of the processor".format(figures["steal_share"]))
    if figures["involuntary_switches_per_s"] > MOST_SWITCHES_PER_S:
        found.append("interrupted {:.0f} times a second".format(figures["involuntary_switches_per_s"]))
    spread = max(yardsticks_s) / min(yardsticks_s) if yardsticks_s else 1.0
    if spread > MOST_YARDSTICK_SPREAD:
        found.append("the same work took up to {:.0%} longer between rounds".format(spread - 1.0))
    return found + throttling(before, during, after)


def throttling(before, during, after):
    """What slowed the processor down on purpose."""
    found = set()
    for moment in during + [after]:
        if moment["throttled"]:
            earlier = before["throttled"]["since_start"]
            found.update(moment["throttled"]["now"])
            found.update(flag for flag in moment["throttled"]["since_start"] if flag not in earlier)
        found.update("cooling " + device for device in moment["cooling"])
    fastest = [max(moment["clocks_mhz"]) for moment in during if moment["clocks_mhz"]]
    if fastest and min(fastest) < MOST_CLOCK_LOSS * max(fastest):
        found.add("clock fell from {:.0f} to {:.0f} MHz".format(max(fastest), min(fastest)))
    return ["throttled: " + flag for flag in sorted(found)]
