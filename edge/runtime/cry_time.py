"""How much of each minute was crying, as the events tell it: minutes and events are two views of the same seconds.

An episode is dated back to where the cry began, and a pause in it is part of it only once the cry goes on: what was
written of the last minutes is put right then.
"""

from collections import deque

RECENT_MINUTES = 12  # the longest pause within an event, merge_gap_s, is ten; and where a cry began lies in another
LEAST_S = 0.0005  # of difference that is written


class CryTime:
    """Events and minutes on one axis: seconds of the audio as it came. `keeper` has amend_minute()."""

    def __init__(self, keeper):
        self._keeper = keeper
        self._events = deque()  # (start, end) of those that may reach into a recent minute
        self._minutes = deque(maxlen=RECENT_MINUTES)  # [begin, end, what add_minute() gave, its seconds as written]

    def cry_s(self, begin_s, end_s, open_event=None) -> float:
        """Seconds from begin_s to end_s that are within events; `open_event` is the one that goes on, or None."""
        events = list(self._events) + ([open_event[:2]] if open_event else [])
        return round(sum(max(0.0, min(end, end_s) - max(begin, begin_s)) for begin, end in events), 3)

    def add_event(self, event) -> None:
        """An event is over."""
        self._events.append((event.start_s, event.end_s))
        self._put_right(None)

    def add_minute(self, begin_s, end_s, kept, cry_s, open_event) -> None:
        """A minute was written with cry_s seconds of crying; `kept` is what the keeper gave for it."""
        self._minutes.append([begin_s, end_s, kept, cry_s])
        self._put_right(open_event)
        while self._events and self._events[0][1] <= self._minutes[0][0]:
            self._events.popleft()

    def _put_right(self, open_event):
        for minute in self._minutes:
            begin_s, end_s, kept, written_s = minute
            cry_s = self.cry_s(begin_s, end_s, open_event)
            if abs(cry_s - written_s) > LEAST_S:
                minute[3] = cry_s
                self._keeper.amend_minute(kept, cry_s)
