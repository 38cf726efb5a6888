"""What is wrong with sound that no room makes: an offset, hum of the mains, samples of another format."""

from typing import NamedTuple, Optional

import numpy as np

from edge.frames import FRAME_HOP, SAMPLE_RATE

LEAST_OFFSET = 0.003  # -50 dBFS
SURE = 5.0  # times what the means of hops differ by
SLOW = 16  # samples to one: hum is looked for at 1 kHz
SLOW_RATE = SAMPLE_RATE // SLOW
MAINS_HZ = (50.0, 60.0)
HARMONICS = 7
WIDTH_HZ = 0.8
LOWEST_HZ, HIGHEST_HZ = 20.0, 470.0
LEAST_HUM_DBFS = -55.0
HUM_SHARE = 0.8  # of all power that low
LEAST_SAMPLES = 500
OTHER_SIGN, OTHER_SOUND = -0.35, 0.3  # correlations of samples with the next; with the one after it, more than that
HISS_HZ, HISS_SHARE = 7000.0, 0.25  # of the power, as neither birds nor sibilants have
OTHER_ORDER = 0.5  # RMS of 16-bit words, once their bytes are swapped; of loud sound it grows
LEAST_LEVEL = 1e-4  # RMS of samples whose format is judged


class Hum(NamedTuple):
    """Hum of the mains and its harmonics."""

    frequency_hz: float  # of the loudest of them
    level_dbfs: float  # of all


def offset_of(means: np.ndarray) -> float:
    """The constant part of sound, of which these are the means of stretches as long as a hop, 0 without one.

    It must be far more than they differ by: loud sound has no mean of exactly nothing.
    """
    if not len(means):
        return 0.0
    offset = float(np.median(means))
    differ = float(np.median(np.abs(means - offset)))
    return offset if abs(offset) >= max(LEAST_OFFSET, SURE * differ) else 0.0


def means_of(samples: np.ndarray) -> np.ndarray:
    """Means of the whole hops in 1-D samples at 16 kHz."""
    return samples[: len(samples) // FRAME_HOP * FRAME_HOP].reshape(-1, FRAME_HOP).mean(axis=1, dtype=np.float64)


def slowed(samples: np.ndarray) -> np.ndarray:
    """1-D samples at 16 kHz as means of 16: what is below 500 Hz of them, at 1 kHz."""
    return samples[: len(samples) // SLOW * SLOW].reshape(-1, SLOW).mean(axis=1)


def hum_of(slow: np.ndarray) -> Optional[Hum]:
    """The hum in a second or more of slowed() samples; None when there is none, or more of something else."""
    if len(slow) < SLOW_RATE:
        return None
    window = np.hanning(len(slow))
    power = np.square(np.abs(np.fft.rfft((slow - slow.mean()) * window))) / np.square(window).sum() / len(slow) * 2.0
    frequencies_hz = np.fft.rfftfreq(len(slow), 1.0 / SLOW_RATE)
    is_low = (frequencies_hz >= LOWEST_HZ) & (frequencies_hz <= HIGHEST_HZ)
    all_power = power[is_low].sum()
    width_hz = max(WIDTH_HZ, 2.5 * SLOW_RATE / len(slow))  # the window's own
    for mains_hz in MAINS_HZ:
        away_hz = np.abs(frequencies_hz - mains_hz * np.maximum(1.0, np.round(frequencies_hz / mains_hz)))
        of_hum = np.where(is_low & (away_hz <= width_hz), power, 0.0)
        hum_power = of_hum.sum()
        if hum_power >= HUM_SHARE * all_power and 10.0 * np.log10(max(hum_power, 1e-30)) >= LEAST_HUM_DBFS:
            loudest_hz = mains_hz * round(frequencies_hz[np.argmax(of_hum)] / mains_hz)
            return Hum(float(loudest_hz), float(10.0 * np.log10(hum_power)))
    return None


def offset_text(offset: float) -> str:
    """An offset for a person."""
    return "a constant offset of {:.3f} ({:.0f} dBFS)".format(offset, 20.0 * np.log10(abs(offset)))


def hum_text(hum: Hum) -> str:
    """Hum for a person."""
    return "hum at {:.0f} Hz, {:.0f} dBFS".format(hum.frequency_hz, hum.level_dbfs)


def wrong_format(samples: np.ndarray) -> str:
    """What tells that 1-D samples are not what they are taken for, in words; empty when nothing does."""
    samples = samples[: len(samples) // 2 * 2].astype(np.float64)
    if len(samples) < LEAST_SAMPLES or np.sqrt(np.mean(np.square(samples))) < LEAST_LEVEL:
        return ""
    words = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    if np.std(words.byteswap(), dtype=np.float64) < OTHER_ORDER * np.std(words, dtype=np.float64):
        return "the bytes of each sample lie the other way round"
    samples = samples - samples.mean()
    if np.array_equal(samples[::2], samples[1::2]):
        return "every sample comes twice: two channels, or another rate, are taken for one"
    next_one, one_further = _correlation(samples, 1), _correlation(samples, 2)
    if next_one < OTHER_SIGN and _share_above(samples, HISS_HZ) > HISS_SHARE:
        return "every second sample has the other sign: another format is taken for this one"
    if one_further > max(next_one, 0.0) + OTHER_SOUND:
        return "even and odd samples are different sounds: two channels are taken for one"
    return ""


def _share_above(samples, frequency_hz):
    power = np.square(np.abs(np.fft.rfft(samples)))
    return power[int(frequency_hz / SAMPLE_RATE * len(samples)) :].sum() / power.sum()


def _correlation(samples, lag):
    energy = float(np.dot(samples, samples))
    return float(np.dot(samples[lag:], samples[:-lag])) / energy if energy > 0 else 0.0
