"""What the monitor says of itself: one owner, whatever there is to say and whoever asks.

systemd's status line (and with it doctor's view of the service), the rows of health and the local socket's `status` are
all made from it, so that trouble of one kind hides none of another.
"""

import time
from collections import deque
from typing import Any, Callable, Dict, NamedTuple

from edge.log import iso_utc, log

# State of hearing.
STARTING = "starting"
HEALTHY = "healthy"  # blocks come
STALLED = "stalled"  # they came, and come no more
RECOVERING = "recovering"  # the microphone is being opened again
LOST = "lost"  # that has failed; it is tried again until it works
STOPPED = "stopped"
PAUSED = "paused"  # asked for; nothing is listened to
MICROPHONE_STATES = (HEALTHY, STALLED, RECOVERING, LOST)

NOT_WRITING = "not_writing"  # of the database
WRITING = "writing"
# What is said when something else is over.
ENDS = {"sounding": "silent", "configuration read": "configuration refused"}
MOST_NOTICES = 20
MOST_TOLD = 8
MOST_ROWS_WAITING = 200
LONGEST_LINE = 1000  # characters


class Notice(NamedTuple):
    """Something that is wrong while hearing goes on."""

    what: str
    detail: str
    since_utc: float  # seconds since 1970
    of_sound: bool  # of the microphone that is heard now: another one has its own


class Status:
    """Microphone, database, bundle, episode, last event and notices, as they are now.

    Changed by the listening thread alone; any thread may ask. `keep(state, detail)` writes a row of health,
    `tell()` tells whoever wants to know of a change: both are given once they exist, rows wait for it. monitor: its
    name, where there are several.
    """

    def __init__(self, monitor=""):
        self._name = monitor
        self.state = STARTING
        self.detail = ""
        self.database_trouble = ""  # empty while the database can be written
        self.notices = ()
        self.monitor = {}  # type: Dict[str, Any]  # what does not change: version, bundle, engines, database
        self.figures = {}  # type: Dict[str, Any]  # what has been counted; replaced, never changed
        self.episode = None  # type: Optional[Dict[str, Any]]  # the one that is open
        self.last_event = None  # type: Optional[Dict[str, Any]]
        self.told = ()  # what the bridge says it told whom, the newest last
        self._since_utc = time.time()
        self._frame_s = None  # when the last frame was done, monotonic
        self._keep = None  # type: Optional[Callable[[str, str], None]]
        self._tell = None  # type: Optional[Callable[[], None]]
        self._rows = deque(maxlen=MOST_ROWS_WAITING)

    def begin(self, keep: Callable[[str, str], None], tell: Callable[[], None]) -> None:
        """There is a database now, and whoever is told: what waited is written."""
        self._keep, self._tell = keep, tell
        while self._rows:
            keep(*self._rows.popleft())

    def started(self, detail: str) -> None:
        """Everything is warm; nothing has been heard yet."""
        self.detail = detail
        self._row("started", detail)

    def enter(self, state: str, detail: str) -> None:
        """The microphone is in this state now, or the monitor has stopped."""
        if state == HEALTHY:
            self.notices = tuple(notice for notice in self.notices if not notice.of_sound)
        self.state, self.detail, self._since_utc = state, detail, time.time()
        self._row(state, detail)
        self._changed()

    def database(self, trouble: str, said: str) -> None:
        """The database cannot be written for that reason, or can again when it is empty; `said` is the row's."""
        self.database_trouble = trouble
        self._row(NOT_WRITING if trouble else WRITING, said)
        self._changed()

    def notice(self, what: str, detail: str, of_sound: bool = False) -> None:
        """Something is wrong and stays so until resolved(), or is over (ENDS); hearing goes on."""
        log.warning("%s: %s", what, detail)
        others = tuple(notice for notice in self.notices if notice.what not in (what, ENDS.get(what)))
        if what not in ENDS:
            others += (Notice(what, detail, time.time(), of_sound),)
        self.notices = others[-MOST_NOTICES:]
        self._row(what, detail)
        self._changed()

    def remark(self, what: str, detail: str) -> None:
        """Something has happened and is over."""
        log.warning("%s: %s", what, detail)
        self._row(what, detail)

    def resolved(self, what: str, detail: str) -> None:
        """What a notice said is true no more."""
        self.notices = tuple(notice for notice in self.notices if notice.what != what)
        log.info("%s: %s", what, detail)
        self._row(what, detail)
        self._changed()

    def says(self, what: str) -> bool:
        """Whether there is such a notice."""
        return any(notice.what == what for notice in self.notices)

    def frame_done(self, is_crying: bool) -> None:
        """A frame went through the pipeline; `is_crying`: an episode is open."""
        self._frame_s = time.monotonic()
        if self.episode and not is_crying:
            self.episode_ended({})

    def episode_opened(self, at_utc: float, cry_probability: float) -> None:
        """An alert was raised."""
        self.episode = {"alert_utc": iso_utc(at_utc), "cry_probability": cry_probability}
        self._changed()

    def episode_ended(self, event: Dict[str, Any]) -> None:
        """The event of the open episode, as it is told; {} when it was too short to be one."""
        self.episode = None
        self.last_event = event or self.last_event
        self._changed()

    def somebody_was_told(self, told: Dict[str, str]) -> None:
        """The bridge has told somebody, or could not: at_utc, by (whom), what, trouble. Any thread may say so."""
        self.told = (self.told + (told,))[-MOST_TOLD:]
        self._changed()

    def line(self) -> str:
        """All of it in one line for a person, the state of hearing first."""
        detail = "[{}] {}".format(self._name, self.detail) if self._name else self.detail
        parts = [detail if self.state == STARTING else "{}: {}".format(self.state, detail)]
        parts += ["{}: {}".format(notice.what, notice.detail) for notice in self.notices]
        if self.database_trouble:
            parts.append("{}: {}".format(NOT_WRITING, self.database_trouble))
        text = " ".join("; but ".join(parts).split())
        return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 3] + "..."

    def snapshot(self) -> Dict[str, Any]:
        """All of it for a program (docs/schemas/socket.schema.json, status)."""
        fields = {
            "type": "status",
            "at_utc": iso_utc(time.time()),
            "state": self.state,
            "detail": self.detail,
            "since_utc": iso_utc(self._since_utc),
            "line": self.line(),
            "notices": [
                {"what": notice.what, "detail": notice.detail, "since_utc": iso_utc(notice.since_utc)}
                for notice in self.notices
            ],
            "database_trouble": self.database_trouble,
            "episode": self.episode,
            "last_event": self.last_event,
            "told": list(self.told),
            "frame_age_s": None if self._frame_s is None else round(time.monotonic() - self._frame_s, 3),
        }
        if self._name:
            fields["source"] = self._name
        fields.update(self.monitor)
        fields.update(self.figures)
        return fields

    def _row(self, state, detail):
        if self._keep:
            self._keep(state, detail)
        else:
            self._rows.append((state, detail))

    def _changed(self):
        if self._tell:
            self._tell()
