"""What the messages of one monitor come to, as a household knows it."""

import time
from calendar import timegm
from typing import Any, Dict, NamedTuple, Optional, Tuple

HEALTHY = "healthy"
GONE = "gone"  # of the monitor's state: nobody answers at its socket
STALE_S = 10.0  # without a processed frame for so long, a monitor does not hear, whatever else it says
LOUD_HOLD_S = 5.0  # a sound is over when it was quieter for so long


class State(NamedTuple):
    """What is known of one monitor now. Of sound nothing is known while `hearing` is False."""

    hearing: bool = False
    state: str = GONE  # healthy, stalled, recovering, lost, starting, paused, stopped, gone
    detail: str = ""
    crying: bool = False
    loud: bool = False
    level_dbfs: Optional[float] = None
    cry_probability: float = 0.0
    cause: Optional[str] = None  # of the last event; "uncertain" where it was asked and not answered
    last_cry_utc: Optional[str] = None
    cry_minutes_today: float = 0.0
    database_trouble: str = ""


class Loudness(NamedTuple):
    """The rule of the loudness sensor."""

    threshold_dbfs: float
    for_s: float


class Sensors(object):
    """Takes a monitor's messages in order; `state` is what they come to."""

    def __init__(self, name: str, loudness: Optional[Loudness] = None, clock=time.monotonic, wall=time.time):
        """name: of the source. loudness: None for no such sensor. clock, wall: seconds, for tests to set."""
        self.name = name
        self.state = State()
        self.version = ""
        self._loudness = loudness
        self._clock = clock
        self._wall = wall
        self._frame_s = None  # when the last frame was processed
        self._loud_since_s = self._loud_until_s = None
        self._cry_since_utc = None
        self._day: Optional[Tuple[int, int, int]] = None

    def take(self, message: Dict[str, Any]) -> None:
        """A message of docs/schemas/socket.schema.json; unknown ones change nothing."""
        take = getattr(self, "_take_" + str(message.get("type")), None)
        if take:
            take(message)
        self.tick()

    def gone(self, reason: str) -> None:
        """Nobody answers at the monitor's socket."""
        self._frame_s = None
        self._set(state=GONE, detail=reason)
        self.tick()

    def tick(self) -> None:
        """Time has passed: what depends on it is brought up to date."""
        fresh = self._frame_s is not None and self._clock() - self._frame_s <= STALE_S
        hearing = self.state.state == HEALTHY and fresh
        self._set(hearing=hearing)
        if not hearing:
            # A crying that nobody can hear the end of is unknown, not going on.
            self._set(crying=False, loud=False, level_dbfs=None, cry_probability=0.0)
            self._loud_since_s = self._loud_until_s = None
        day = time.localtime(self._wall())[:3]
        if self._day not in (None, day):
            self._set(cry_minutes_today=0.0)
        self._day = day

    @property
    def frames_flow(self) -> bool:
        """Whether frames are processed now."""
        return self.state.hearing

    def _take_status(self, message):
        self.version = str(message.get("monitor", {}).get("version", self.version))
        age_s = message.get("frame_age_s")
        if age_s is not None:
            self._frame_s = self._clock() - float(age_s)
        self._set(
            state=message["state"],
            detail=message["detail"],
            database_trouble=message.get("database_trouble", ""),
            crying=message.get("episode") is not None,
        )
        if message.get("episode") is not None and self._cry_since_utc is None:
            self._cry_since_utc = message["episode"].get("alert_utc")
        if message.get("episode") is None:
            self._cry_since_utc = None
        if "cry_today_s" in message:  # of the whole day, whenever this program began
            self._set(cry_minutes_today=float(message["cry_today_s"]) / 60.0)

    def _take_frame(self, message):
        self._frame_s = self._clock()
        level_dbfs = message.get("level_dbfs")
        self._set(level_dbfs=level_dbfs, cry_probability=float(message["cry_probability"]))
        if self._loudness and level_dbfs is not None:
            self._hear_level(float(level_dbfs))

    def _take_alert(self, message):
        self._cry_since_utc = message["at_utc"]
        self._set(crying=True, last_cry_utc=message["at_utc"])

    def _take_event(self, message):
        length_s = float(message["end_s"]) - float(message["start_s"])
        cause = message.get("cause") or ("uncertain" if message.get("posterior") else None)
        self._cry_since_utc = None
        self._set(
            crying=False,
            cause=cause,
            last_cry_utc=message["start_utc"],
            cry_minutes_today=self.state.cry_minutes_today + length_s / 60.0,
        )

    def _hear_level(self, level_dbfs):
        now_s = self._clock()
        if level_dbfs >= self._loudness.threshold_dbfs:
            self._loud_since_s = now_s if self._loud_since_s is None else self._loud_since_s
            self._loud_until_s = now_s + LOUD_HOLD_S
        elif self._loud_until_s is None or now_s > self._loud_until_s:
            self._loud_since_s = self._loud_until_s = None
        is_loud = self._loud_since_s is not None and now_s - self._loud_since_s >= self._loudness.for_s
        self._set(loud=is_loud)

    def _set(self, **changes):
        self.state = self.state._replace(**changes)


def seconds_of(iso_utc: str) -> float:
    """Seconds since 1970 of 2026-11-21T20:00:00.123Z. Raises ValueError."""
    whole, _, rest = iso_utc.rstrip("Z").partition(".")
    return timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))
