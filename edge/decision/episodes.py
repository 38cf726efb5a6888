"""Hysteresis and episodes: when a cry begins, when it is over, and what is one cry.

An episode opens at once when the smoothed probability reaches the open threshold, or when a less sure sound lasts:
when the mean probability of the last lasting_frames reaches the lasting threshold. It ends with the last frame above
the close threshold. Episodes closer than merge_gap_s are one; shorter than min_event_s are brief. An episode that
begins with the very first frame counts.
"""

from collections import deque

from edge.records import Alert, Event

ONSET_S = 0.5  # of a frame must be cry before the detector says so: a cry began this long before its first high frame


class EpisodeRules(object):
    """Thresholds on probability and lengths in seconds."""

    def __init__(
        self,
        open_threshold,
        close_threshold,
        min_event_s=1.0,
        merge_gap_s=5.0,
        smoothing_frames=3,
        lasting_threshold=1.0,
        lasting_frames=40,
    ):
        self.open_threshold = open_threshold
        self.close_threshold = close_threshold
        self.lasting_threshold = lasting_threshold
        self.lasting_frames = lasting_frames
        self.min_event_s = min_event_s
        self.merge_gap_s = merge_gap_s
        self.smoothing_frames = smoothing_frames


class EpisodeTracker(object):
    """Follows one stream of frame probabilities; emits an Alert when an episode opens, an Event when it is over."""

    def __init__(self, rules, hop_s, frame_s):
        """hop_s: time between frames, frame_s: length of a frame, both in seconds."""
        self._rules = rules
        self._hop_s = hop_s
        # Frames lie whole hops apart: half a hop more leaves no room for rounding. Neighbours have no gap at all.
        self._longest_gap_s = max(rules.merge_gap_s, hop_s) + hop_s / 2.0
        self._frame_s = frame_s
        self._recent = deque(maxlen=rules.smoothing_frames)
        self._lasting = deque(maxlen=rules.lasting_frames)
        self._start_s = None  # of the open episode
        self._last_loud_s = None  # end of its latest frame above the close threshold
        self._peak = 0.0
        self._bursts = deque()  # of frames above the close threshold: [where it began, end of its latest frame]
        self._n_frames = 0
        self.smoothed = 0.0

    def change_rules(self, rules):
        """Other thresholds from the next frame on, of the same lengths: smoothing, lasting and gap stay."""
        self._rules = rules

    @property
    def is_open(self):
        """True while an episode is open."""
        return self._start_s is not None

    @property
    def is_loud(self):
        """Whether the newest frame belongs to the open episode: it is above the close threshold."""
        return self.is_open and self.smoothed >= self._rules.close_threshold

    @property
    def start_s(self):
        """Where the open episode began; None without one."""
        return self._start_s

    @property
    def end_s(self):
        """Where the open episode would end if nothing more were heard."""
        smoothing_lag_s = (self._rules.smoothing_frames - 1) * self._hop_s / 2.0
        return max(self._start_s, self._last_loud_s - smoothing_lag_s - (self._frame_s - ONSET_S))

    def update(self, t_s, probability):
        """Take the frame that ends at t_s; return the records it causes."""
        rules = self._rules
        self._recent.append(probability)
        self._lasting.append(probability)
        self.smoothed = sum(self._recent) / float(rules.smoothing_frames)
        self._note_burst(t_s, probability)
        is_sure = self.smoothed >= rules.open_threshold
        mean = sum(self._lasting) / float(rules.lasting_frames)
        has_lasted = mean >= rules.lasting_threshold and self.smoothed >= rules.close_threshold
        records = []
        if self.is_open and t_s - self._last_loud_s > self._longest_gap_s:
            records += self._close()
        if not self.is_open and (is_sure or has_lasted):
            self._open(t_s, self._bursts[-1 if is_sure else 0][0] if self._bursts else t_s - ONSET_S)
            records.append(Alert(t_s, self.smoothed))
        if self.is_open and self.smoothed >= rules.close_threshold:
            self._last_loud_s = t_s
            self._peak = max(self._peak, self.smoothed)
        return records

    def finish(self):
        """The source has ended: return the Event of an episode that is still open."""
        return self._close() if self.is_open else []

    def open_event(self):
        """What the open episode would be if the source ended now; None without one."""
        if not self.is_open:
            return None
        is_brief = self.end_s - self._start_s < self._rules.min_event_s
        return Event(start_s=self._start_s, end_s=self.end_s, cry_probability=self._peak, brief=is_brief)

    def _note_burst(self, t_s, probability):
        """Remember where each recent burst of high frames began; closer than merge_gap_s they are one."""
        if probability >= self._rules.close_threshold:
            if not self._bursts or t_s - self._bursts[-1][1] > self._longest_gap_s:
                # What the stream's first frame holds may have begun with the stream.
                self._bursts.append([t_s - (self._frame_s if self._n_frames == 0 else ONSET_S), t_s])
            self._bursts[-1][1] = t_s
        while self._bursts and t_s - self._bursts[0][1] > self._rules.lasting_frames * self._hop_s:
            self._bursts.popleft()
        self._n_frames += 1

    def _open(self, t_s, start_s):
        self._start_s = start_s
        self._last_loud_s = t_s
        self._peak = self.smoothed

    def _close(self):
        """The Event of the open episode: an alert was raised for it, so there is one, however short it was."""
        event = self.open_event()
        self._start_s = None
        self._bursts.clear()  # they were this episode's
        return [event]
