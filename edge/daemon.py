"""The daemon: opens the source, waits for a microphone that is not there, listens, ends in good order."""

import signal
import time
from contextlib import suppress

from edge.audio import open_source
from edge.collector import keep_out_of_frames
from edge.errors import UserError
from edge.keeping import Keeper
from edge.listener import Emit, Listener
from edge.log import log
from edge.notify import notify
from edge.store import Health

RETRY_FIRST_S = 1.0
RETRY_LONGEST_S = 4.0  # a microphone that is back is heard within 5 s


class _Stop(Exception):
    """SIGTERM or SIGINT arrived while nothing was being processed."""


class Daemon:
    """Listens to one source until it ends or a signal comes.

    `emit(record, start_utc)` is called with every Alert and Event (edge.listener).
    """

    def __init__(self, bundle, settings, keeper: Keeper, emit: Emit):
        self._bundle = bundle
        self._settings = settings
        self._keeper = keeper
        self._emit = emit
        self._stopping = False
        self._interruptible = False
        self._said = set()  # what was wrong with the microphone since it was last heard
        self._totals = [0.0, 0, 0, 0]  # seconds heard, events, missed deadlines, samples lost

    def run(self, spec: str, fast: bool = False) -> None:
        """Listen to a source; `fast` feeds a file as quickly as it is processed.

        Raises UserError when a file or standard input cannot be read; a microphone is waited for.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._start()
        with suppress(_Stop):
            self._listen_until_stopped(spec, fast)
        self._end()

    def _listen_until_stopped(self, spec, fast):
        retry_s = RETRY_FIRST_S
        while not self._stopping:
            heard_before_s = self._totals[0]
            try:
                self._listen(spec, fast)
                return
            except UserError as error:
                if not spec.startswith("mic"):
                    raise
                self._say_lost(error)
            retry_s = RETRY_FIRST_S if self._totals[0] > heard_before_s else min(2 * retry_s, RETRY_LONGEST_S)
            self._wait(retry_s)

    def _start(self):
        self._bundle.warm_up()
        keep_out_of_frames()
        bundle = self._bundle
        detail = "engine {}, bundle {} {} ({})".format(
            bundle.detector.engine_name, bundle.name, bundle.version, bundle.sha256[:12])
        log.info("READY: %s, database %s", detail, self._keeper.path)
        self._keep_health("started", detail)
        notify("READY=1\nSTATUS=" + detail)

    def _end(self):
        summary = "heard {:.1f} s, {} events, {} missed deadlines, {} samples lost".format(*self._totals)
        log.info("stopped: %s", summary)
        self._keep_health("stopped", summary)
        notify("STOPPING=1\nSTATUS=stopped: " + summary)

    def _listen(self, spec, fast):
        """Take the source to its end. Raises UserError when it cannot be opened or read on."""
        with open_source(spec, realtime=not fast) as source:
            origin_utc = time.time() if fast else None
            listener = Listener(self._bundle, self._settings, self._keeper, source, self._emit, origin_utc)
            try:
                for block in self._until_stopped(source.blocks()):
                    if not listener.heard_samples:
                        self._say_hearing(source)
                    listener.push(block)
            finally:
                listener.finish()
                self._add_to_totals(listener)

    def _until_stopped(self, blocks):
        """The blocks, until a signal comes; it may interrupt the wait for a block, never the work on one."""
        blocks = iter(blocks)
        while not self._stopping:
            self._interruptible = True
            try:
                if self._stopping:  # a signal between the two lines above
                    return
                block = next(blocks)
            except (StopIteration, _Stop):
                return
            finally:
                self._interruptible = False
            yield block

    def _wait(self, seconds):
        self._interruptible = True
        try:
            if not self._stopping:
                time.sleep(seconds)
        finally:
            self._interruptible = False

    def _on_signal(self, number, _frame):
        self._stopping = True
        if self._interruptible:
            self._interruptible = False
            raise _Stop()

    def _say_hearing(self, source):
        self._said.clear()
        text = "{} ({} Hz, {} channel{})".format(
            source.name, source.native_rate_hz, source.channels, "" if source.channels == 1 else "s")
        log.info("hearing %s", text)
        self._keep_health("hearing", text)
        notify("STATUS=hearing " + text)

    def _say_lost(self, error):
        if str(error) in self._said:
            return  # one line for each thing that is wrong, not one for each attempt
        self._said.add(str(error))
        log.warning("not hearing: %s; trying again until it works", error)
        self._keep_health("lost", str(error))
        notify("STATUS=not hearing: {}".format(error))

    def _keep_health(self, state, detail):
        self._keeper.add_health(Health(time.time(), state, detail))

    def _add_to_totals(self, listener):
        counts = (listener.heard_s, listener.events, listener.pipeline.timings.missed_deadlines,
                  listener.dropped_samples())
        self._totals = [total + count for total, count in zip(self._totals, counts)]
