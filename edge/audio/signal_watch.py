"""Seeing that a microphone sends what no room sounds like, and saying what to do.

Digital silence, sound that is cut off, an offset, hum, samples of another format; and what the source itself has
noticed: channels that are dead or each other's negative, values that are no numbers.
"""

import math
from collections import deque
from typing import Optional, Tuple

import numpy as np

from edge.audio.sound_faults import SLOW_RATE, hum_of, hum_text, means_of, offset_of, offset_text, slowed, wrong_format
from edge.audio.source import Source
from edge.frames import FRAME_HOP, SAMPLE_RATE

SILENCE_S = 30.0  # of one value: every real microphone hisses
WINDOW_S = 10.0
HUM_S = 4.0  # at the beginning of each window
FORMAT_S = 0.05  # at least, of samples whose format is judged: the loudest block of a window
FULL_SCALE = 0.999
BEYOND = 2.0  # times full scale: a float microphone that somebody has amplified
CLIPPED_SHARE = 0.01  # of a window: a cry beside the microphone touches full scale, it does not stay there
LEAST_CUT = 0.25  # below full scale, sound that is cut off is looked for from here on
AGAIN_S = 3600.0  # of audio, before the same is said again

SILENT = "silent"
SOUNDING = "sounding"  # again, after SILENT
CLIPPING = "clipping"
OFFSET = "offset"
HUM = "hum"
FORMAT = "format"
TOO_LOUD = "too loud"

Notice = Tuple[str, str]

DO_OFFSET = "hearing goes on without it; switch the high-pass filter of the sound card or of the microphone's driver on"
DO_HUM = (
    "hearing goes on beside it; try another power supply or cable, and keep the microphone's cable away from the mains"
)
DO_FORMAT = "record with arecord -l and -f as `cry-monitor run --help` says"


class SignalWatch:
    """Follows 16-kHz audio; says once what is wrong with it, and an hour later again.

    Of a recording that is not live only what the source has noticed: its silence is its own affair.
    """

    def __init__(self, source: Optional[Source] = None, is_live: bool = True):
        self._is_live = is_live
        self._source = source or Source()
        self._heard = 0
        self._value = 0.0  # of a sample that comes again and again
        self._same = 0  # in a row, until now
        self._silence_said = False  # of those
        self._said_at = {}
        self._waiting = deque()
        self._hop = np.zeros(0, np.float32)  # less than one
        self._begin_window()

    def push(self, samples: np.ndarray) -> Optional[Notice]:
        """Take 1-D float32 samples; returns what is wrong and what a person should know of it, or None.

        One thing at a time: what else there is comes with the next samples.
        """
        for what, text in self._source.remarks():
            self._say(what, text)
        self._heard += len(samples)
        if self._is_live and len(samples):
            lowest, highest = float(samples.min()), float(samples.max())
            self._follow_silence(samples, lowest, highest)
            self._follow_window(samples, lowest, highest)
        return self._waiting.popleft() if self._waiting else None

    def _follow_silence(self, samples, lowest, highest):
        if lowest == highest and (lowest == self._value or not self._same):
            self._value = lowest
            self._same += len(samples)
            if self._same >= SILENCE_S * SAMPLE_RATE and not self._silence_said:
                self._silence_said = self._say(SILENT, self._silence_text())
            return
        if self._silence_said:
            self._waiting.append((SOUNDING, "after {:.0f} s of digital silence".format(self._same / SAMPLE_RATE)))
        self._same, self._silence_said = (len(samples) if lowest == highest else 0), False
        self._value = lowest

    def _silence_text(self):
        seconds = self._same / SAMPLE_RATE
        if self._value:
            return "every sample is {:g} for {:.0f} s: the microphone sends no sound; is it connected?".format(
                self._value, seconds
            )
        return "digital silence for {:.0f} s: is the microphone muted?".format(seconds)

    def _begin_window(self):
        self._window_end = self._heard + WINDOW_S * SAMPLE_RATE
        self._beyond = 0  # samples at full scale
        self._highest, self._at_highest = LEAST_CUT, 0
        self._lowest, self._at_lowest = -LEAST_CUT, 0
        self._loudest, self._loudest_range = np.zeros(0, np.float32), 0.0  # block
        self._means = []  # of hops
        self._slow = []  # see slowed(), the first HUM_S

    def _follow_window(self, samples, lowest, highest):
        if max(highest, -lowest) >= FULL_SCALE:
            self._beyond += int(np.count_nonzero(np.abs(samples) >= FULL_SCALE))
        self._count_cut(samples, lowest, highest)
        if highest - lowest > self._loudest_range and len(samples) >= FORMAT_S * SAMPLE_RATE:
            self._loudest, self._loudest_range = samples.copy(), highest - lowest
        self._hop = np.concatenate((self._hop, samples))
        whole = len(self._hop) // FRAME_HOP * FRAME_HOP
        if whole:
            self._means.extend(means_of(self._hop))
            if len(self._slow) < HUM_S * SLOW_RATE:
                self._slow.extend(slowed(self._hop[:whole]))
            self._hop = self._hop[whole:].copy()
        if self._heard >= self._window_end:
            self._judge_window()
            self._begin_window()

    def _count_cut(self, samples, lowest, highest):
        """How often the highest and the lowest value of the window were reached: sound stays at neither."""
        if highest > self._highest:
            self._highest, self._at_highest = highest, 0
        if lowest < self._lowest:
            self._lowest, self._at_lowest = lowest, 0
        if highest == self._highest:
            self._at_highest += int(np.count_nonzero(samples == highest))
        if lowest == self._lowest:
            self._at_lowest += int(np.count_nonzero(samples == lowest))

    def _judge_window(self):
        n_samples = WINDOW_S * SAMPLE_RATE
        if self._same >= n_samples:
            return  # nothing but one value
        if self._beyond / n_samples >= CLIPPED_SHARE:
            text = "{:.0%} of the last {:.0f} s is cut off at full scale: turn the microphone's gain down"
            self._say(CLIPPING, text.format(self._beyond / n_samples, WINDOW_S))
        elif max(self._at_highest, self._at_lowest) / n_samples >= CLIPPED_SHARE:
            at = self._highest if self._at_highest > self._at_lowest else self._lowest
            text = "{:.0%} of the last {:.0f} s is cut off at {:.2f}, on one side: turn the microphone's gain down"
            self._say(CLIPPING, text.format(max(self._at_highest, self._at_lowest) / n_samples, WINDOW_S, at))
        peak = max(self._highest, -self._lowest)
        if peak > BEYOND:
            self._say(TOO_LOUD, "sound reaches {:.1f} times full scale: turn its amplification down".format(peak))
        offset = offset_of(np.array(self._means))
        if offset:
            self._say(OFFSET, "{}: {}".format(offset_text(offset), DO_OFFSET))
        hum = hum_of(np.array(self._slow))
        if hum:
            self._say(HUM, "{}: {}".format(hum_text(hum), DO_HUM))
        wrong = wrong_format(self._loudest)
        if wrong:
            self._say(FORMAT, "{}: {}".format(wrong, DO_FORMAT))

    def _say(self, what, text):
        """Have it said, unless it was within the hour; returns whether it will be."""
        due = self._heard >= self._said_at.get(what, -math.inf) + AGAIN_S * SAMPLE_RATE
        if due:
            self._said_at[what] = self._heard
            self._waiting.append((what, text))
        return due
