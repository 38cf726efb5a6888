"""The daemon: opens the source, waits for a microphone that is not there, listens, ends in good order."""

import signal
import time
from contextlib import contextmanager, suppress

from edge.audio import MicrophoneStalled, open_source
from edge.audio.signal_watch import SignalWatch
from edge.capture.process import CaptureStuck
from edge.errors import UserError
from edge.log import log
from edge.pipeline import Pipeline
from edge.runtime.gc_freeze import freeze_gc
from edge.runtime.listener import Emit, Listener
from edge.runtime.microphone_state import MicrophoneState
from edge.runtime.systemd import Watchdog, notify
from edge.runtime.totals import Totals
from edge.store import Health
from edge.store.buffered_store import BufferedStore

RETRY_FIRST_S = 0.25
RETRY_LONGEST_S = 2.0  # a microphone that is back is heard within 5 s
STEADY_S = 10.0  # a microphone that was heard for less is not tried again any sooner for it

NEED_A_RESTART = ("detector", "store")  # sections of the configuration that are read at the start only


class _Stop(Exception):
    """SIGTERM or SIGINT arrived while nothing was being processed."""


class Daemon:
    """Listens to the source of the settings until it ends or a signal comes.

    `emit(record, start_utc)` is called with every Alert and Event (edge.runtime.listener). `reread()` returns the
    settings as they are now, or raises UserError; SIGHUP asks for that.
    """

    def __init__(self, bundle, settings, keeper: BufferedStore, emit: Emit, reread):
        self._bundle = bundle
        self._settings = settings
        self._keeper = keeper
        self._emit = emit
        self._reread = reread
        self._stopping = False
        self._interruptible = False
        self._hung_up = False
        self._source = None
        self._hearing = MicrophoneState(self._keep_health)
        self._watchdog = Watchdog()
        self._totals = Totals()

    def run(self, fast: bool = False) -> None:
        """Listen; `fast` feeds a file as quickly as it is processed.

        Raises UserError when a file or standard input cannot be read; a microphone is waited for.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_hangup)
        self._start()
        with suppress(_Stop):
            self._listen_until_stopped(fast)
        self._end()

    def _start(self):
        self._bundle.warm_up()
        Pipeline(self._bundle, self._settings)  # the first loads what all need: not while a microphone waits
        freeze_gc()
        bundle = self._bundle
        detail = "engine {}, bundle {} {} ({})".format(
            ", ".join(bundle.engines()), bundle.name, bundle.version, bundle.sha256[:12]
        )
        log.info("READY: %s, database %s", detail, self._keeper.path)
        self._keep_health("started", detail)
        notify("READY=1\nSTATUS=" + detail)

    def _end(self):
        summary = "{}; {}".format(self._totals.summary(), self._hearing.summary())
        log.info("stopped: %s", summary)
        self._keep_health("stopped", summary)
        notify("STOPPING=1\nSTATUS=stopped: " + summary)

    def _listen_until_stopped(self, fast):
        """Take one source after the other: a microphone that is lost, another one after SIGHUP."""
        retry_s = RETRY_FIRST_S
        ended = False
        while not (self._stopping or ended):
            heard_before_s = self._totals.heard_s
            try:
                ended = self._listen(fast)
                continue
            except UserError as error:
                if not self._settings.audio.source.startswith("mic"):
                    raise
                heard_s = self._totals.heard_s - heard_before_s
                self._note_loss(error, heard_s)
            retry_s = RETRY_FIRST_S if heard_s > STEADY_S else min(2 * retry_s, RETRY_LONGEST_S)
            with self._interruptible_by_signals():
                time.sleep(retry_s)
            if self._hung_up:
                self._take_settings()

    def _note_loss(self, error, heard_s):
        if not heard_s:
            self._hearing.failed(str(error))
            if not isinstance(error, CaptureStuck):
                self._watchdog.advanced()  # an attempt to hear again has ended, and left nothing behind
        elif isinstance(error, MicrophoneStalled):
            self._hearing.fell_silent(str(error))
        else:
            self._hearing.broke_off(str(error))

    def _listen(self, fast):
        """Take the source to its end; returns False when SIGHUP names another. Raises UserError when it cannot
        be opened or read on."""
        spec = self._settings.audio.source
        self._hearing.tries()
        with self._interruptible_by_signals():
            source = open_source(spec, realtime=not fast)
        try:
            with source:
                self._source = source
                self._hear(source, fast)
        finally:
            self._source = None
            self._totals.add_source(source)
        return self._settings.audio.source == spec

    def _hear(self, source, fast):
        spec = self._settings.audio.source
        watch = None if spec.startswith("file:") else SignalWatch()
        listener = self._new_listener(source, time.time() if fast else None)
        try:
            for block in self._until_stopped(source.blocks()):
                if self._hung_up and self._take_settings():
                    if self._settings.audio.source != spec:
                        return
                    self._finish(listener)
                    origin_utc = listener.utc(listener.heard_s) if fast else None
                    listener = self._new_listener(source, origin_utc)
                self._push(listener, block, source, watch)
        finally:
            self._finish(listener)

    def _new_listener(self, source, origin_utc):
        return Listener(self._bundle, self._settings, self._keeper, source, self._emit, origin_utc)

    def _push(self, listener, block, source, watch):
        if not listener.heard_samples:
            self._hearing.heard(
                "{} ({} Hz, {} channel{})".format(
                    source.name, source.native_rate_hz, source.channels, "" if source.channels == 1 else "s"
                )
            )
        frames = listener.processed_frames
        listener.push(block)
        if listener.processed_frames > frames:
            self._watchdog.advanced()
        noticed = watch and watch.push(block)
        if noticed:
            self._hearing.notice(*noticed)

    def _finish(self, listener):
        listener.finish()
        self._totals.add_listener(listener)

    def _until_stopped(self, blocks):
        """The blocks, until a signal comes; it may interrupt the wait for a block, never the work on one."""
        blocks = iter(blocks)
        while not self._stopping:
            with self._interruptible_by_signals():
                block = next(blocks, None)
            if block is None:
                return
            yield block

    @contextmanager
    def _interruptible_by_signals(self):
        """A wait within ends by _Stop when a signal comes."""
        self._interruptible = True
        try:
            if self._stopping:
                raise _Stop()
            yield
        finally:
            self._interruptible = False

    def _on_signal(self, number, _frame):
        self._stopping = True
        if self._source is not None and self._source.stop():
            return
        if self._interruptible:
            self._interruptible = False
            raise _Stop()

    def _on_hangup(self, _number, _frame):
        self._hung_up = True  # acted on between two blocks, or two attempts to open a microphone

    def _take_settings(self):
        """Read the configuration again; returns whether it is another one. One that cannot be used is refused
        with the reason, and the old one stays."""
        self._hung_up = False
        notify("RELOADING=1\nMONOTONIC_USEC={:d}".format(int(1e6 * time.monotonic())))
        try:
            settings = self._reread()
            for section in NEED_A_RESTART:
                if getattr(settings, section) != getattr(self._settings, section):
                    raise UserError("[{}] has changed, and is read at the start only: restart".format(section))
        except UserError as error:
            self._hearing.notice("configuration refused", "{}; the old one stays".format(error))
            settings = self._settings
        else:
            self._hearing.notice("configuration read", "nothing has changed" if settings == self._settings else "new")
        changed, self._settings = settings != self._settings, settings
        notify("READY=1")
        return changed

    def _keep_health(self, state, detail):
        self._keeper.add_health(Health(time.time(), state, detail))
