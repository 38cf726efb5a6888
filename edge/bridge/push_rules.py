"""Which changes are worth a message to a person, and in which words.

A cry is told once when it has lasted min_length_s, again every repeat_s while it goes on, and not within min_gap_s of
the one before. That the monitor does not hear is told whatever the hour; so is that it hears again.
"""

import time
from typing import List, NamedTuple, Optional, Tuple

from edge.following.sensors import GONE, State

CRY, CRY_ENDED, LOUD, DEAF, HEARS, DATABASE, PAUSED, TEST = (
    "cry",
    "cry_ended",
    "loud",
    "deaf",
    "hears",
    "database",
    "paused",
    "test",
)
URGENT, HIGH, NORMAL = 5, 4, 3  # as ntfy counts


class Message(NamedTuple):
    """What a person is told."""

    kind: str
    title: str
    text: str
    priority: int
    source: str
    at_utc: float  # seconds since 1970


class PushSettings(NamedTuple):
    """The rules. Seconds; quiet: (from, to) in minutes of the local day, or None."""

    min_length_s: float = 0.0
    min_gap_s: float = 60.0
    repeat_s: float = 0.0  # 0: never again
    deaf_after_s: float = 15.0
    quiet: Optional[Tuple[int, int]] = None
    tell_loud: bool = False
    tell_name: bool = False  # of the source
    tell_end: bool = False  # of a cry
    tell_cause: bool = False  # with its end


class PushRules(object):
    """Follows the states of one monitor."""

    def __init__(self, settings: PushSettings, name: str, clock=time.monotonic, wall=time.time):
        self._settings = settings
        self._name = name
        self._clock = clock
        self._wall = wall
        self._cry_since_s = None
        self._told_cry_s = self._told_this_cry_s = None
        self._repeats = 0
        self._loud = False
        self._told_loud_s = None
        self._deaf_since_s = clock()
        self._told_deaf = False
        self._told_trouble = False
        self._paused = ""  # until when, as it was told
        self._before = State()

    def follow(self, state: State) -> List[Message]:
        """The messages that this state causes; called at every change and every second."""
        messages = self._hearing(state) + self._database(state)
        if not self._is_quiet():
            messages += self._crying(state) + self._loudness(state)
        elif not state.crying:
            self._crying(state)  # a cry that ends in quiet hours is over
        self._before = state
        return messages

    def ended(self, length_s: float, cause: Optional[str]) -> List[Message]:
        """A cry is over; cause: None where none is named."""
        if not self._settings.tell_end or self._is_quiet():
            return []
        text = "after {:.0f} s".format(length_s) if length_s < 90 else "after {:.0f} min".format(length_s / 60)
        if self._settings.tell_cause:
            text += ", cause {}".format(cause or "uncertain")
        return [self._message(CRY_ENDED, "Quiet again", text, NORMAL)]

    def _crying(self, state):
        now_s, settings = self._clock(), self._settings
        if not state.crying:
            self._cry_since_s = self._told_this_cry_s = None
            return []
        if self._cry_since_s is None:
            self._cry_since_s, self._repeats = now_s, 0
        if self._told_this_cry_s is None:
            too_soon = self._told_cry_s is not None and now_s - self._told_cry_s < settings.min_gap_s
            if too_soon or now_s - self._cry_since_s < settings.min_length_s:
                return []
            return [self._cry("Crying", "", HIGH, now_s)]
        if settings.repeat_s and now_s - self._told_this_cry_s >= settings.repeat_s:
            self._repeats += 1
            minutes = (now_s - self._cry_since_s) / 60.0
            return [self._cry("Still crying", "for {:.0f} min".format(minutes), URGENT, now_s)]
        return []

    def _cry(self, title, text, priority, now_s):
        self._told_cry_s = self._told_this_cry_s = now_s
        return self._message(CRY, title, text, priority)

    def _loudness(self, state):
        was_loud, self._loud = self._loud, state.loud
        if not (self._settings.tell_loud and state.loud and not was_loud) or state.crying:
            return []
        now_s = self._clock()
        if self._told_loud_s is not None and now_s - self._told_loud_s < self._settings.min_gap_s:
            return []
        self._told_loud_s = now_s
        return [self._message(LOUD, "Loud", "{:.0f} dBFS".format(state.level_dbfs or 0.0), NORMAL)]

    def _hearing(self, state):
        now_s = self._clock()
        if state.state == "paused":
            self._deaf_since_s, told, self._paused = now_s, self._paused, state.detail or PAUSED
            return [] if told == self._paused else [self._message(PAUSED, "Paused", state.detail, HIGH)]
        was_paused, self._paused = bool(self._paused), ""
        if state.hearing:
            self._deaf_since_s = None
            if self._told_deaf or was_paused:
                self._told_deaf = False
                return [self._message(HEARS, "Hears again", "", NORMAL)]
            return []
        if self._deaf_since_s is None:
            self._deaf_since_s = now_s
        if self._told_deaf or now_s - self._deaf_since_s < self._settings.deaf_after_s:
            return []
        self._told_deaf = True
        what = "no monitor answers" if state.state == GONE else "microphone {}".format(state.state)
        return [self._message(DEAF, "Does not hear", "{}: {}".format(what, state.detail), URGENT)]

    def _database(self, state):
        if bool(state.database_trouble) == self._told_trouble or not state.hearing:
            return []
        self._told_trouble = bool(state.database_trouble)
        if self._told_trouble:
            return [self._message(DATABASE, "Cannot write down", state.database_trouble, NORMAL)]
        return [self._message(DATABASE, "Writes down again", "", NORMAL)]

    def _message(self, kind, title, text, priority):
        name = self._name if self._settings.tell_name else ""
        title = ": ".join(filter(None, (name, title)))
        return Message(kind, title, text, priority, self._name, self._wall())

    def _is_quiet(self):
        if self._settings.quiet is None:
            return False
        begin, end = self._settings.quiet
        now = time.localtime(self._wall())
        minute = 60 * now.tm_hour + now.tm_min
        return begin <= minute < end if begin <= end else minute >= begin or minute < end


def samples(settings: PushSettings, name: str) -> List[Message]:
    """One message of each kind that these settings send, as it would be sent."""
    rules = PushRules(settings._replace(quiet=None), name)
    messages = [
        rules._message(CRY, "Crying", "", HIGH),
        rules._message(DEAF, "Does not hear", "microphone lost: the reason, as in the log", URGENT),
        rules._message(HEARS, "Hears again", "", NORMAL),
        rules._message(PAUSED, "Paused", "until 03:30:00, as was asked for", HIGH),
        rules._message(DATABASE, "Cannot write down", "the reason, as in the log", NORMAL),
    ]
    if settings.repeat_s:
        messages.append(rules._message(CRY, "Still crying", "for 5 min", URGENT))
    if settings.tell_loud:
        messages.append(rules._message(LOUD, "Loud", "-25 dBFS", NORMAL))
    return messages + rules.ended(200.0, "hungry")
