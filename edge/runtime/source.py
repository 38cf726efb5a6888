"""Hearing, whatever becomes of the source: opened, listened to, lost, found again."""

import time

from edge.audio import MicrophoneStalled, is_waited_for, open_source
from edge.audio.signal_watch import SignalWatch
from edge.bundle.model import DETECTOR
from edge.capture.process import CaptureStuck
from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.log import log
from edge.runtime.listener import Listener
from edge.runtime.microphone_state import MicrophoneState
from edge.runtime.passed import StreamClock, since_boot_s
from edge.runtime.systemd import Watchdog
from edge.runtime.today import Today
from edge.runtime.totals import Totals
from edge.status import HEALTHY, PAUSED, STALLED
from edge.store import Minute

RETRY_FIRST_S = 0.25
RETRY_LONGEST_S = 2.0  # a microphone that is back is heard within 5 s
STEADY_S = 10.0  # a microphone that was heard for less is not tried again any sooner for it
SAID_LOST_S = 1.0  # of sound, before it is said and not only counted
SAID_LOST_AT_END_S = 3.0  # a stall is noticed in less, and said
SILENT_MINUTE_S = 60.0  # without a microphone: a row of minutes that says so
LAST_SILENCE_S = 0.5  # at the end, when no minute comes any more that it could be added to
STDIN = "-"
FASTER = "faster"


class SourceSupervisor:
    """Takes one source after the other: a microphone that is lost, another one after SIGHUP.

    `new_settings(settings)` returns those that take the place of the settings when SIGHUP has come.
    """

    def __init__(self, bundle, settings, keeper, status, sinks, signals, new_settings, pause, learning=None):
        self.settings = settings
        self._pause = pause
        self._learning = learning
        self._is_resting = False
        self._bundle = bundle
        self._keeper, self._status, self._sinks = keeper, status, sinks
        self._signals = signals
        self._new_settings = new_settings
        self._microphone = MicrophoneState(status)
        self._watchdog = Watchdog()
        self._totals = Totals()
        self._today = Today(lambda: keeper.path)
        self._fast = False
        self._listener = None  # while there is something to listen to
        self._clock = None  # a StreamClock, of a live source that has begun to send
        self._stream_samples = 0  # of this source
        self._silent_since_s = since_boot_s()  # there is nothing to listen to, and nobody has counted it

    def begin(self, fast: bool) -> None:
        """Time passes from now on; audio that is fed `fast` has no time of its own."""
        self._fast = fast
        self._silent_since_s = since_boot_s()

    def end(self) -> None:
        """No more is heard: count what passed since."""
        self._count_silence(LAST_SILENCE_S)
        self._look()
        self._tell_figures()

    def summary(self, passed_s) -> str:
        """For the last line."""
        return "{}; {}".format(self._totals.summary(passed_s), self._microphone.summary())

    def listen_until_stopped(self) -> None:
        """Raises UserError when a source that is no microphone cannot be opened or read on, Stop for a signal."""
        retry_s = RETRY_FIRST_S
        ended = False
        while not (self._signals.stopping or ended):
            heard_before_s = self._totals.heard_s
            try:
                ended = self._listen()
                continue
            except UserError as error:
                if not is_waited_for(self.settings.audio.source):
                    raise
                heard_s = self._totals.heard_s - heard_before_s
                self._note_loss(error, heard_s)
            self._count_silence(SILENT_MINUTE_S)
            self._keeper.retry()
            self._look()
            retry_s = RETRY_FIRST_S if heard_s > STEADY_S else min(2 * retry_s, RETRY_LONGEST_S)
            with self._signals.interruptible():
                time.sleep(retry_s)
            if self._signals.hung_up:
                self._take_settings()

    def _note_loss(self, error, heard_s):
        if not heard_s:
            self._microphone.open_failed(str(error))
            if not isinstance(error, CaptureStuck):
                self._watchdog.advanced()  # an attempt to hear again has ended, and left nothing behind
        elif isinstance(error, MicrophoneStalled):
            self._microphone.stalled(str(error))
        else:
            self._microphone.stream_ended(str(error))

    def _listen(self):
        """Take the source to its end; returns False when SIGHUP names another. Raises UserError when it cannot
        be opened or read on, or when it is live and ends."""
        spec = self.settings.audio.source
        self._microphone.opening()
        opened_s = since_boot_s()
        with self._signals.interruptible():
            source = open_source(spec, realtime=not self._fast, audio=self.settings.audio)
        try:
            with source:
                self._signals.source = source
                self._stream_samples = 0
                self._hear(source, opened_s)
        finally:
            self._signals.source = None
            self._totals.add_source(source)
        return self.settings.audio.source == spec

    def _hear(self, source, opened_s):
        spec = self.settings.audio.source
        watch = SignalWatch(source, is_live=not spec.startswith("file:"))
        self._listener = self._new_listener(source, time.time() if self._fast else None)
        try:
            for block in self._until_stopped(source.blocks()):
                if self._signals.hung_up and self._take_settings():
                    if self.settings.audio.source != spec:
                        return
                    self._finish()
                    origin_utc = self._listener.utc(self._listener.heard_s) if self._fast else None
                    self._listener = self._new_listener(source, origin_utc)
                if len(block):
                    self._push(block, source, watch, opened_s)
                else:
                    self._note_nothing(source)
            if spec == STDIN and not (self._fast or self._signals.stopping):
                self._judge_end(source)
        finally:
            self._note_end_of_stream(source)
            self._finish()
            self._listener = self._clock = None

    def _look(self):
        """What has to be looked at now and then, whether anything is heard or not."""
        self._sinks.look()
        if self._bundle.infant:
            self._bundle.infant.waiting.forget_old()

    def _new_listener(self, source, origin_utc):
        settings, sinks = self.settings, self._sinks
        return Listener(
            self._bundle, settings, self._keeper, source, sinks, origin_utc, self._say_of_model, self._learning
        )

    def _say_of_model(self, title, text, is_over):
        (self._status.resolved if is_over else self._status.notice)(title, text)

    def _why_deaf(self):
        """Why no cry is heard though sound comes; empty while the detector answers."""
        return self._listener.pipeline.left_out.reasons.get(DETECTOR, "")

    def _until_stopped(self, blocks):
        """The blocks, until a signal comes; it may interrupt the wait for a block, never the work on one."""
        blocks = iter(blocks)
        while not self._signals.stopping:
            with self._signals.interruptible():
                block = next(blocks, None)
            if block is None:
                return
            yield block

    def _push(self, block, source, watch, opened_s):
        if self._pause.is_on:
            self._rest(block, source, opened_s)
            return
        if self._is_resting:
            self._wake(source)
        if not self._stream_samples or (self._microphone.state != HEALTHY and not self._why_deaf()):
            self._microphone.receiving(
                "{} ({} Hz, {} channel{})".format(
                    source.name, source.native_rate_hz, source.channels, "" if source.channels == 1 else "s"
                )
            )
        self._stream_samples += len(block)
        if not self._fast:
            self._compare_with_clock(block, source, opened_s)
        frames = self._listener.processed_frames
        self._listener.push(block)
        if self._listener.processed_frames > frames:
            self._watchdog.advanced()
            self._status.frame_done(self._listener.pipeline.is_crying)
        if self._why_deaf() and self._microphone.state == HEALTHY:
            self._microphone.stalled("the detector is deaf: " + self._why_deaf())
        noticed = watch.push(block)
        if noticed:
            self._status.notice(*noticed, of_sound=True)
        self._look()
        self._tell_figures()

    def _rest(self, block, source, opened_s):
        """A block in a pause: it is counted, and not listened to."""
        if not self._is_resting:
            self._is_resting = True
            self._finish()
            self._listener = self._new_listener(source, None)
            log.warning("paused until %s", self._pause.until_text())
        detail = "until {}, as was asked for".format(self._pause.until_text())
        if (self._status.state, self._status.detail) != (PAUSED, detail):
            self._status.enter(PAUSED, detail)
        self._stream_samples += len(block)
        if not self._fast:
            self._compare_with_clock(block, source, opened_s)
        self._listener.note_lost(len(block) / SAMPLE_RATE)
        self._watchdog.advanced()
        self._look()
        self._tell_figures()

    def _wake(self, source):
        self._is_resting = False
        log.warning("the pause is over: %s", self._pause.why_over)
        self._status.enter(HEALTHY, "hearing {}, after a pause ({})".format(source.name, self._pause.why_over))

    def _note_nothing(self, source):
        """The source is there and sends nothing: an empty block says so."""
        if self._microphone.state != STALLED:
            self._microphone.stalled("{} sends nothing: see what became of who writes it".format(source.name))
        self._look()

    def _compare_with_clock(self, block, source, opened_s):
        at_s = since_boot_s() - source.waited_s
        if self._clock is None:
            began_s = max(self._silent_since_s, at_s - len(block) / SAMPLE_RATE)
            self._count_silence(SILENT_MINUTE_S, began_s)
            self._listener.note_silent(began_s - self._silent_since_s)
            self._clock = StreamClock(opened_s, began_s)
        arrived_s = self._arrived_s(source)
        lost_s = self._clock.push(arrived_s, at_s)
        if lost_s:
            self._listener.note_lost(lost_s)
            self._say_lost(lost_s, SAID_LOST_S)
        if self._clock.is_faster(arrived_s, at_s) and not self._status.says(FASTER):
            self._status.notice(
                FASTER,
                "{} sends faster than real time: it is taken for a recording, and its times are not the clock's".format(
                    source.name
                ),
                of_sound=True,
            )

    def _judge_end(self, source):
        """Raises UserError when standard input was live: somebody would have to ask for its end."""
        if self._clock is None or not self._clock.is_faster(self._arrived_s(source), since_boot_s()):
            raise UserError(
                "standard input ended after {:.1f} s, though nobody had asked for the end: see what became of the "
                "program that wrote it; for a recording, use --fast".format(self._stream_samples / SAMPLE_RATE)
            )

    def _note_end_of_stream(self, source):
        if self._clock is not None:
            self._silent_since_s = since_boot_s()
            lost_s = self._clock.finish(self._arrived_s(source), self._silent_since_s)
            self._listener.note_lost(lost_s)
            self._say_lost(lost_s, SAID_LOST_AT_END_S)

    def _arrived_s(self, source):
        return (self._stream_samples + source.dropped_samples) / SAMPLE_RATE

    def _say_lost(self, lost_s, least_s):
        if lost_s >= least_s:
            self._status.remark(
                "skipped",
                "{:.1f} s were not heard: the monitor or the machine stood still, or sound was lost on its way "
                "here".format(lost_s),
            )

    def _count_silence(self, least_s, until_s=None):
        """Count the time without anything to listen to, when it is at least so long, as a row of minutes of its own."""
        until_s = since_boot_s() if until_s is None else until_s
        silence_s = until_s - self._silent_since_s
        if self._fast or silence_s < least_s:
            return
        self._silent_since_s = until_s
        self._totals.skipped_s += silence_s
        skipped = int(round(SAMPLE_RATE * silence_s))
        self._keeper.add_minute(Minute(time.time() - silence_s, 0.0, 0.0, None, None, 0, 0, skipped))

    def _finish(self):
        self._listener.finish()
        self._totals.add_listener(self._listener)

    def _take_settings(self):
        """Read the configuration again; returns whether it is another one."""
        self._signals.hung_up = False
        before, self.settings = self.settings, self._new_settings(self.settings)
        return self.settings != before

    def _tell_figures(self):
        figures = self._totals.figures(self._listener)
        figures["dropped"] = self._sinks.dropped_by_name()
        figures["cry_today_s"] = round(self._today.cry_s(figures["events"]), 1)
        self._status.figures = figures
