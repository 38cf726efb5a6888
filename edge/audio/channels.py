"""Which channel of several is heard. None are averaged: one may be the other's negative, dead, full of hum or noise.

What tells a channel that hears is that its level moves: a cry, a voice or a door lifts it above its own floor, and
noise does not, which begins and stays. Until something was heard, it is the quietest of those that are not dead: if
that is wrong, the first sound shows it within half a second, and the room of the other channel is louder, so that no
gate is closed to it. Of channels that carry the same, it is the loudest.
"""

from typing import Optional

import numpy as np

WINDOW_S = 0.1  # a channel is chosen for so long at least
MEASURED_S = 0.025  # at the beginning of a window
PEAK_HZ = 1000.0  # of what is measured: second differences over half a period, nothing at 0 Hz, -32 dB at 100 Hz
WHITE_GAIN = 6.0  # power of white noise after it
OF_MEAN = np.sqrt(np.pi / 2.0)  # RMS of noise over its mean magnitude, in which a crackle counts for little
LOWEST_DBFS = -120.0

DEAD_DBFS = -95.0  # below the last bit of 16
RISE_DB = 0.03  # of a floor, a window: 9 dB in half a minute
HEARD_DB = 10.0  # above its floor: it hears something
STEADY = 50  # windows, 5 s: a baby draws breath in less, so what never fell in them is the floor
BETTER_DB = 6.0  # so much more than the chosen one
ALIKE_DB = 3.0  # at most so much less
QUIETER_DB = 10.0  # so much less of a floor, while none has heard anything
FORGET_DB = 10.0 / 600  # of what was heard, a window: 10 dB a minute

OPPOSITE = -0.9  # correlation
SAME = 0.9  # its magnitude
NOISY_DB = 20.0  # above the floor of the chosen one
SAY_AFTER = 15  # windows, 1.5 s


class ChannelChooser:
    """Several channels in, the one that hears out; the same samples whatever the block sizes.

    chosen: its number, from 0.
    """

    def __init__(self, channels: int, rate_hz: int):
        self.chosen = 0
        self._channels = channels
        self._window = int(WINDOW_S * rate_hz)
        self._lag = max(1, int(round(rate_hz / PEAK_HZ / 2)))
        self._measured = np.zeros((int(MEASURED_S * rate_hz) + 2 * self._lag, channels), np.float32)
        self._position = 0  # in the window
        self._windows = 0
        self._floors_dbfs = None
        self._recent_dbfs = np.full((STEADY, channels), LOWEST_DBFS)
        self._before_db = np.zeros(channels)
        self._heard_db = np.zeros(channels)  # the most above its floor in two windows in a row, slowly forgotten
        self._dead_windows = np.zeros(channels, int)  # in a row, until now
        self._products = np.zeros((channels, channels))
        self._said = ""

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take (n, channels) float32 at the native rate; returns (n,) float32."""
        if self._channels == 1:
            return block[:, 0]
        mono = np.empty(len(block), np.float32)
        at = 0
        while at < len(block):
            part = block[at : at + self._window - self._position]
            mono[at : at + len(part)] = part[:, self.chosen]
            wanted = self._measured[self._position : self._position + len(part)]
            wanted[:] = part[: len(wanted)]
            self._position += len(part)
            at += len(part)
            if self._position == self._window:
                self._position = 0
                self._choose()
        return mono

    def remark(self) -> Optional[str]:
        """What is wrong with the channels, for a person, when it has changed since the last call; else None."""
        if self._channels == 1 or self._windows < SAY_AFTER:
            return None
        text = self._what_is_wrong()
        if not text or text == self._said:
            return None
        self._said = text
        return text

    def _choose(self):
        levels_dbfs = self._levels_dbfs()
        if self._floors_dbfs is None:
            self._floors_dbfs = levels_dbfs.copy()
        falling = np.minimum(levels_dbfs, self._floors_dbfs)
        self._floors_dbfs = np.where(
            falling < self._floors_dbfs, (falling + self._floors_dbfs) / 2.0, self._floors_dbfs + RISE_DB
        )
        self._recent_dbfs[self._windows % STEADY] = levels_dbfs
        steady_db = self._recent_dbfs.min(axis=0) - self._floors_dbfs
        risen_db = np.where(steady_db >= HEARD_DB, steady_db, 0.0)
        self._floors_dbfs += risen_db
        self._heard_db = np.maximum(0.0, self._heard_db - risen_db)
        above_db = levels_dbfs - self._floors_dbfs
        self._heard_db = np.maximum(self._heard_db - FORGET_DB, np.minimum(above_db, self._before_db))
        self._before_db = above_db
        self._dead_windows = np.where(levels_dbfs <= DEAD_DBFS, self._dead_windows + 1, 0)
        self._windows += 1
        self.chosen = self._better()

    def _levels_dbfs(self):
        """Of this window around the pitch of cries, (channels,)."""
        lag, measured = self._lag, self._measured
        differences = measured[2 * lag :] - 2.0 * measured[lag:-lag] + measured[: -2 * lag]
        self._products = 0.99 * self._products + differences.T.dot(differences)
        rms = np.abs(differences).mean(axis=0, dtype=np.float64) * OF_MEAN / np.sqrt(WHITE_GAIN)
        return np.maximum(LOWEST_DBFS, 20.0 * np.log10(np.maximum(rms, 1e-12)))

    def _better(self):
        """The number of the channel to hear from now on."""
        floors_dbfs, heard_db, chosen = self._floors_dbfs, self._heard_db, self.chosen
        is_same = (np.abs(self._correlations()) >= SAME) & (heard_db >= heard_db.max() - ALIKE_DB)
        loudest = int(np.argmax(np.where(is_same, floors_dbfs, LOWEST_DBFS)))
        if floors_dbfs[loudest] >= floors_dbfs[chosen] + BETTER_DB:
            return loudest
        best = int(np.argmax(heard_db))
        if heard_db[best] >= HEARD_DB:
            return best if heard_db[best] >= heard_db[chosen] + BETTER_DB else chosen
        others = np.flatnonzero((floors_dbfs > DEAD_DBFS) & ~is_same)
        if not len(others):
            return chosen
        quietest = int(others[np.argmin(floors_dbfs[others])])
        is_better = floors_dbfs[chosen] <= DEAD_DBFS or floors_dbfs[quietest] < floors_dbfs[chosen] - QUIETER_DB
        return quietest if is_better else chosen

    def _has_heard_more_than(self, number):
        """Whether it is proved that the chosen channel hears, and the other less."""
        heard_db = self._heard_db[self.chosen]
        return heard_db >= HEARD_DB and heard_db >= self._heard_db[number] + BETTER_DB

    def _correlations(self):
        """Of each channel with the chosen one, -1..1, (channels,)."""
        powers = np.diag(self._products)
        return self._products[self.chosen] / np.sqrt(np.maximum(1e-30, powers * powers[self.chosen]))

    def _what_is_wrong(self):
        """Each other channel that is dead, the chosen one's negative or much noisier, and which is heard."""
        troubles = []
        floor_dbfs, correlations = self._floors_dbfs[self.chosen], self._correlations()
        for number in np.flatnonzero(np.arange(self._channels) != self.chosen):
            if self._dead_windows[number] >= SAY_AFTER > self._dead_windows[self.chosen]:
                troubles.append("channel {} is dead".format(number + 1))
            elif correlations[number] < OPPOSITE:
                troubles.append("channel {} is its negative (wired the other way round)".format(number + 1))
            elif self._floors_dbfs[number] > floor_dbfs + NOISY_DB and self._has_heard_more_than(number):
                troubles.append("channel {} has far more noise or hum".format(number + 1))
        if not troubles:
            return ""
        return "channel {} of {} is heard, the others are left out: {}".format(
            self.chosen + 1, self._channels, ", ".join(troubles)
        )
