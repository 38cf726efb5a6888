"""The daemon's own path over a recording, in rounds, as quickly as it goes."""

import gc
import os
import shutil
import tempfile
from time import perf_counter, process_time

import numpy as np

from edge.bench.material import PlayedSource
from edge.bench.paths import RESAMPLE_STAGE, STORE_STAGE, PathTimings
from edge.runtime.gc_freeze import freeze_gc
from edge.runtime.listener import Listener
from edge.sinks import Sink
from edge.store.buffered_store import BufferedStore

ROUNDS = 9
WARM_UP_S = 10.0  # of audio before the first round; timed apart
YARDSTICK_REPEATS = 15


class Round(object):
    """One pass over the recording."""

    def __init__(self, audio_s, timings, yardstick_s, seconds, collections_s, written):
        self.audio_s = audio_s
        self.timings = timings  # PathTimings
        self.yardstick_s = yardstick_s  # the fixed piece of work, right before
        self.seconds = seconds  # that the pass took
        self.collections_s = collections_s  # each garbage collection during it
        self.bytes_written = written  # by the pass, without making its database; None where nobody counts


class TimedKeeper(object):
    """A keeper whose writing is a stage of the timings."""

    timings = None  # set before the first call

    def __init__(self, keeper):
        self._keeper = keeper

    def __getattr__(self, name):
        value = getattr(self._keeper, name)
        if not name.startswith(("add_", "checkpoint")):
            return value

        def timed(*args, **kwargs):
            started = perf_counter()
            try:
                return value(*args, **kwargs)
            finally:
                self.timings.add(STORE_STAGE, perf_counter() - started)

        return timed


def measure(bundle, settings, recording, rounds=ROUNDS, after_round=lambda: None):
    """(warm-up, [Round]) of the daemon's path; the warm-up is a Round too. Calls after_round() after each."""
    bundle.warm_up()
    freeze_gc()
    folder = tempfile.mkdtemp(prefix="edge-bench-")
    try:
        passes = []
        for number, part in enumerate([recording.first(WARM_UP_S)] + rounds * [recording]):
            passes.append(play(bundle, settings, part, os.path.join(folder, "{}.db".format(number))))
            after_round()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return passes[0], passes[1:]


def play(bundle, settings, recording, database):
    """One pass over a Recording, through resampler, listener, pipeline and store: a Round."""
    yardstick_s = yardstick()
    with BufferedStore(database, settings) as keeper, Collections() as collections:
        player = Player(bundle, settings, recording, keeper)
        began, written = perf_counter(), bytes_written()
        for block in player.source.native_blocks():
            player.push(block)
        player.listener.finish()
        seconds, written = perf_counter() - began, bytes_written(since=written)
    return Round(recording.seconds, player.timings, yardstick_s, seconds, collections.seconds, written)


class Player(object):
    """The daemon's path from resampler to store, timed from the outside."""

    def __init__(self, bundle, settings, recording, keeper):
        self.source = PlayedSource(recording)
        timed_keeper = TimedKeeper(keeper)
        self.listener = Listener(bundle, settings, timed_keeper, self.source, Sink())
        self.timings = PathTimings(self.listener.pipeline)
        self.listener.pipeline.timings = timed_keeper.timings = self.timings
        self._spent_s = self._cpu_s = 0.0  # since the last hop ended

    def push(self, block):
        """Take a block at the native rate."""
        cpu, started = process_time(), perf_counter()
        if self.source.is_resampled:
            block = self.source.resample(block)
            self.timings.add(RESAMPLE_STAGE, perf_counter() - started)
        self.listener.push(block)
        self._spent_s += perf_counter() - started
        self._cpu_s += process_time() - cpu
        if self.timings.hop_done(self._spent_s, self._cpu_s):
            self._spent_s = self._cpu_s = 0.0


class Collections(object):
    """Counts garbage collections, and how long each held the program up."""

    def __init__(self):
        self.seconds = []
        self._started = 0.0

    def __enter__(self):
        gc.callbacks.append(self._note)
        return self

    def __exit__(self, *exception):
        gc.callbacks.remove(self._note)

    def _note(self, phase, info):
        if phase == "start":
            self._started = perf_counter()
        else:
            self.seconds.append(perf_counter() - self._started)


def _open_counts():
    """The kernel's counts of this process; opened early: later it is none that may be looked into, see core_dumps."""
    try:
        return os.open("/proc/self/io", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


_COUNTS = _open_counts()


def bytes_written(since=0):
    """Bytes this process has handed to write() since that count, or None where the system does not count."""
    try:
        text = os.pread(_COUNTS, 4096, 0).decode()
        return int(dict(line.split(": ") for line in text.splitlines())["wchar"]) - since
    except (OSError, KeyError, ValueError, TypeError):
        return None


_YARDSTICK = np.random.RandomState(0).standard_normal((64, 512)).astype(np.float32)
_YARDSTICK_MATRIX = np.random.RandomState(1).standard_normal((512, 64)).astype(np.float32)


def yardstick():
    """Seconds of a fixed piece of work like ours (products, logarithms, Python), the shortest of some repeats."""
    durations = []
    for _ in range(YARDSTICK_REPEATS):
        started = perf_counter()
        for _ in range(4):
            np.log(np.abs(np.dot(_YARDSTICK, _YARDSTICK_MATRIX)) + np.float32(1e-6))
            sum([number * number for number in range(500)])
        durations.append(perf_counter() - started)
    return min(durations)
