"""Signs of life while an engine is built, which takes minutes on a small board."""

import threading
import time

from edge.runtime.systemd import extend_start_timeout

TICK_S = 5.0
SAY_EVERY_S = 15.0
EXTENSION_S = 60.0  # systemd is asked for this much more at every tick; twelve ticks may be late
STALLED_AFTER_S = 300.0  # one layer's candidates are timed in far less, on the slowest board
WORKING_SHARE = 0.01  # of a core: less is no work


class BuildProgress(object):
    """`with BuildProgress(say, ...)`: says how long it has taken, and keeps systemd patient while work goes on.

    A build that neither uses the processor nor reports anything for STALLED_AFTER_S is left to systemd's
    start timeout: it would not end by itself.
    """

    def __init__(self, say, reports, tick_s=TICK_S, stalled_after_s=STALLED_AFTER_S):
        """say: called with a line for a person. reports: () -> how many messages TensorRT has sent so far."""
        self.phase = ""  # what TensorRT is doing, where it says so
        self._say = say
        self._reports = reports
        self._tick_s = tick_s
        self._stalled_after_s = stalled_after_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="build-progress")
        self._thread.daemon = True

    def __enter__(self):
        self._started_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._ended.set()
        self._thread.join()

    def elapsed_s(self):
        """Seconds since the build began."""
        return time.monotonic() - self._started_s

    def _watch(self):
        alive_s, said_s = time.monotonic(), time.monotonic()
        before = self._signs()
        extend_start_timeout(EXTENSION_S)
        while not self._ended.wait(self._tick_s):
            now_s, signs = time.monotonic(), self._signs()
            if signs[0] != before[0] or signs[1] - before[1] > WORKING_SHARE * self._tick_s:
                alive_s = now_s
            before = signs
            if now_s - alive_s > self._stalled_after_s:
                self._say(
                    "the build has not moved for {:.0f} s; systemd is no longer asked to wait".format(now_s - alive_s)
                )
                return
            extend_start_timeout(EXTENSION_S)
            if now_s - said_s >= SAY_EVERY_S:
                said_s = now_s
                self._say("building, {:.0f} s so far{}".format(self.elapsed_s(), self.phase))

    def _signs(self):
        return self._reports(), time.process_time()


def make_monitor(trt, progress):
    """TensorRT's own account of its phases (from 10), kept in progress.phase."""

    class Monitor(trt.IProgressMonitor):
        def __init__(self):
            trt.IProgressMonitor.__init__(self)
            self._steps = {}

        def phase_start(self, phase_name, parent_phase, num_steps):
            self._steps[phase_name] = num_steps
            progress.phase = ", " + phase_name

        def step_complete(self, phase_name, step):
            progress.phase = ", {} {} of {}".format(phase_name, step + 1, self._steps.get(phase_name, "?"))
            return True  # go on

        def phase_finish(self, phase_name):
            self._steps.pop(phase_name, None)

    return Monitor()
