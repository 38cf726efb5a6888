"""Keeping a night whatever the disk does: the store as the daemon uses it.

Nothing here raises once it has begun. What a full, read-only or broken disk does not take waits in memory, is written
when the disk works again, and is counted; hearing goes on meanwhile.
"""

import time
from collections import deque
from contextlib import suppress
from typing import Callable, Optional

from edge.clock import WatchedClock
from edge.errors import UserError
from edge.log import log
from edge.records import Event
from edge.status import NOT_WRITING, WRITING
from edge.store import Health, Minute, StoreFails, Trace, Unusable
from edge.store.place import Place
from edge.store.said import say_cut_off, say_lost, say_purged
from edge.store.waiting import WaitingEvent, WaitingMinute

MINUTES_A_DAY = 1440
WAITING_EVENTS = 2000  # about 1 MB of memory; a night has some dozens
WAITING_MINUTES = MINUTES_A_DAY
WAITING_HEALTH = 200
WAITING_TRACES = 60  # 20 kB: an hour of a restless night
PAUSE_S = 1.0  # between two attempts at a database that fails: one that is locked takes its time to say so


class BufferedStore:
    """Events, minutes and health on their way to the database at `path`.

    trouble: why the database cannot be written now, one line; empty when it can.
    lost_events, lost_minutes: that found no room in memory while it could not.
    Raises HeldByAnother, only here, when another monitor writes there, and UserError for a path that is none.
    """

    def __init__(
        self,
        path: Optional[str],
        settings,
        report: Optional[Callable[[str, str], None]] = None,
        clock: Optional[WatchedClock] = None,
    ):
        """settings: edge.config.Settings; keep_days and max_mb of its [store] are kept to.

        `report(trouble, text)` is called when the database cannot be written, and with "" when it can again; without
        it, both are rows of health.
        """
        self._place = Place(path)
        self._clock = clock or WatchedClock()
        self.trouble = ""
        self.lost_events = 0
        self.lost_minutes = 0
        self._settings = settings.store
        self._report = report or self._keep_row
        self._store = None
        self._open: Optional[WaitingEvent] = None  # that goes on
        self._events = deque()  # of WaitingEvent: over, not yet written
        self._minutes = deque()  # of WaitingMinute: not yet written, or to be written again
        self._health = deque(maxlen=WAITING_HEALTH)
        self._traces = deque(maxlen=WAITING_TRACES)
        self._minutes_until_purge = 0
        self._session = None
        self._has_begun = False  # the session, in the file that is open
        self._has_taken_over = False
        self._next_attempt_s = 0.0
        self._flush()

    @property
    def path(self) -> str:
        """Where the database is."""
        return self._place.path

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self) -> None:
        """Write what waits, name what cannot be written, close the file."""
        if self._open:
            self._end(self._open)
        self._next_attempt_s = 0.0
        self._flush()
        for episode in self._events:
            say_lost(episode, "could not be written")
        if self._minutes:
            log.error("lost, as the database could not be written: %d minutes", len(self._minutes))
        self._close_store()
        self._place.release()

    def checkpoint(self, event: Event, start_utc: float, source: str = "") -> None:
        """Write the event that goes on as far as it has come; the same row until add_event() ends it."""
        if self._open and self._open.event.start_s != event.start_s:
            self._end(self._open)  # its end was never told
        if self._open is None:
            self._open = WaitingEvent(event, start_utc, source)
        elif event != self._open.event:
            self._open.event, self._open.start_utc, self._open.is_written = event, start_utc, False
        if not self._open.is_written:
            self._flush()

    def add_event(self, event: Event, start_utc: float, source: str = "") -> None:
        """Write an event that is over: the one that was checkpointed, if it was."""
        episode = WaitingEvent(event, start_utc, source)
        if self._open and self._open.event.start_s == event.start_s:
            episode.row = self._open.row
            self._open = None
        self._end(episode)
        self._flush()

    def add_minute(self, minute: Minute) -> WaitingMinute:
        """Write one minute of listening; once a day, remove what is too old or too much.

        Returns what amend_minute() takes.
        """
        self._clock.note()
        kept = WaitingMinute(minute)
        self._minutes.append(kept)
        if len(self._minutes) > WAITING_MINUTES:
            self._minutes.popleft()
            self.lost_minutes += 1
        self._minutes_until_purge -= 1
        self._flush()
        return kept

    def amend_minute(self, kept: WaitingMinute, cry_s: float) -> None:
        """Write how much of a minute was crying after all."""
        kept.minute = kept.minute._replace(cry_s=cry_s)
        if kept.is_written:
            kept.is_written = False
            self._minutes.append(kept)
        self._flush()

    def add_health(self, health: Health) -> None:
        """Write one change of state."""
        self._health.append(health)
        self._flush()

    def add_trace(self, trace: Trace) -> None:
        """Write the probabilities of some frames, with whatever is written next."""
        self._traces.append(trace)

    def retry(self) -> None:
        """Try again to write what waits, if anything does."""
        if self.trouble:
            self._next_attempt_s = 0.0
            self._flush()

    @property
    def waiting_events(self) -> int:
        """Events in memory that the database has not taken, one that goes on included."""
        return len(self._events) + (self._open is not None and not self._open.is_written)

    def _end(self, episode):
        if episode is self._open:
            self._open = None
        episode.is_open = episode.is_written = False
        self._events.append(episode)
        if len(self._events) > WAITING_EVENTS:
            lost = self._events.popleft()
            self.lost_events += 1
            say_lost(lost, "cannot be written and memory holds {} events".format(WAITING_EVENTS))

    def _flush(self):
        """Write what waits; when the disk is full, the oldest minutes make room."""
        if time.monotonic() < self._next_attempt_s:
            return
        try:
            try:
                self._write_what_fits()
            except Unusable as trouble:  # the card has damaged it since it was opened
                self._close_store()
                self._place.set_aside(trouble)
                self._write_what_fits()
        except UserError as error:
            if not getattr(error, "is_full", False):
                self._close_store()  # a disk that was read-only is found writable only by opening the file again
            self._say_failing(error)
        else:
            self._say_working()

    def _write_what_fits(self):
        """When the disk is full, the oldest minutes make room."""
        if self._store is None:
            self._store = self._place.open()
            self._begin_file()
        try:
            self._write()
        except StoreFails as error:
            if not error.is_full or not self._make_room():
                raise
            self._write()

    def _begin_file(self):
        """It may be a new one, which holds nothing of the episode that goes on."""
        self._has_begun = False
        for text in self._place.said:
            self._health.append(Health(time.time(), "set_aside", text))
        if self._place.said:
            self._session = None
            if self._open:
                self._open.row, self._open.is_written = None, False
        del self._place.said[:]

    def _write(self):
        """Everything that waits, events first. Raises UserError where it fails; what was written before stays so."""
        self._begin()
        while self._events:
            self._write_event(self._events[0])
            self._events.popleft()
        if self._open:
            self._write_event(self._open)
        while self._health:
            self._store.add_health(self._health[0])
            self._health.popleft()
        while self._minutes:
            self._write_minute(self._minutes[0])
            self._minutes.popleft()
        while self._traces:
            self._store.add_trace(self._traces[0])
            self._traces.popleft()
        if self._minutes_until_purge <= 0:
            self._purge()
            self._minutes_until_purge = MINUTES_A_DAY
        self._keep_reserve()

    def _write_event(self, episode):
        if not episode.is_written:
            episode.row = self._store.add_event(
                episode.event, episode.start_utc, episode.source, episode.row, episode.is_open
            )
            episode.is_written = True

    def _write_minute(self, kept):
        if kept.row is None:
            kept.row = self._store.add_minute(kept.minute)
        else:
            self._store.amend_minute(kept.row, kept.minute.cry_s)
        kept.is_written = True

    def _begin(self):
        """Begin a session, and end what a monitor before us left open when it died; once a file."""
        if self._has_begun:
            return
        if self._session is None:
            self._session = self._store.begin_session(self._clock)
        else:
            self._store.resume_session(self._session, self._clock)
        if not self._has_taken_over:
            say_cut_off(self._store.end_left_open())
        self._has_begun = self._has_taken_over = True

    def _purge(self):
        limits = self._settings
        purged, waits = self._store.purge(self._clock, limits.keep_days, limits.max_mb)
        if waits:
            self._store.add_health(Health(time.time(), "ageing_waits", waits))
        say_purged(purged, waits, limits)

    def _make_room(self):
        """Whether another attempt may find room."""
        with suppress(StoreFails):
            self._store.write_back()
            self._keep_reserve()
            return True
        return False

    def _keep_reserve(self):
        removed = self._store.keep_reserve()
        if removed:
            log.warning("the disk is nearly full: removed the oldest %d minutes from the database", removed)

    def _close_store(self):
        if self._store:
            self._store.close()
            self._store = None

    def _say_failing(self, error):
        if not self.trouble:
            log.error("%s; still listening, events wait in memory", error)
        is_new, self.trouble = not self.trouble, str(error)
        self._next_attempt_s = time.monotonic() + PAUSE_S
        if is_new:
            self._report(self.trouble, self.trouble)

    def _say_working(self):
        if not self.trouble:
            return
        self.trouble = ""
        text = "the database can be written again; {} events and {} minutes were lost".format(
            self.lost_events, self.lost_minutes
        )
        log.info(text)
        self._report("", text)

    def _keep_row(self, trouble, text):
        self.add_health(Health(time.time(), NOT_WRITING if trouble else WRITING, text))
