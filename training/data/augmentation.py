"""What phones, codecs and rooms do to a recording, applied to cries and everything else alike.

The corpora's bandwidths differ by class (donateacry: 8 kHz): without this a detector learns the telephone, not the cry.
Every function takes and returns 1-D float32 samples at 16 kHz and draws only from the generator it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg
import scipy.signal

from edge.frames import SAMPLE_RATE

TELEPHONE_RATE = 8000
LPC_ORDER = 10
SPEEDS = [(5, 4), (7, 6), (11, 10), (10, 11), (6, 7), (4, 5)]  # new length : old length
SPEECH_FRAME_S = 0.020  # the block length of AMR
SOUNDING_DB = 30.0
SOUNDING_BLOCK = SAMPLE_RATE // 100  # 10 ms
SOUNDING_MEAN = np.ones(3) / 3  # of how many blocks a power is
SOUNDING_MARGIN = 2  # blocks
IMA_STEPS = np.array([int(7 * 1.1**k) for k in range(89)], dtype=np.float64)  # the geometric IMA/DVI step table
IMA_INDEX_SHIFT = np.array([-1, -1, -1, -1, 2, 4, 6, 8])


def band_limit(samples: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    """Zero-phase Butterworth band-pass; an edge at 0 or at the Nyquist frequency is left open."""
    nyquist_hz = SAMPLE_RATE / 2
    if low_hz > 0:
        sos = scipy.signal.butter(2, low_hz / nyquist_hz, "highpass", output="sos")
        samples = scipy.signal.sosfiltfilt(sos, samples)
    if high_hz < nyquist_hz:
        sos = scipy.signal.butter(8, high_hz / nyquist_hz, "lowpass", output="sos")
        samples = scipy.signal.sosfiltfilt(sos, samples)
    return samples.astype(np.float32)


def telephone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """AMR-like: 8 kHz, and per 20 ms a 10th-order linear predictor whose residual is coarsely quantised."""
    narrow = scipy.signal.resample_poly(samples, 1, SAMPLE_RATE // TELEPHONE_RATE)
    length = int(SPEECH_FRAME_S * TELEPHONE_RATE)
    levels = rng.choice([2.0, 3.0, 5.0])
    decoded = np.zeros_like(narrow)
    memory_in, memory_out = np.zeros(LPC_ORDER), np.zeros(LPC_ORDER)
    for first in range(0, len(narrow), length):
        frame = narrow[first : first + length]
        predictor = linear_predictor(frame)
        residual, memory_in = scipy.signal.lfilter(predictor, [1.0], frame, zi=memory_in)
        step = 2.0 * np.sqrt(np.mean(residual**2) + 1e-14) / levels
        quantised = step * np.round(residual / step)
        decoded[first : first + length], memory_out = scipy.signal.lfilter([1.0], predictor, quantised, zi=memory_out)
    peak = np.abs(narrow).max() + 1e-9
    decoded = np.clip(np.nan_to_num(decoded), -2 * peak, 2 * peak)
    return scipy.signal.resample_poly(decoded, SAMPLE_RATE // TELEPHONE_RATE, 1)[: len(samples)].astype(np.float32)


def linear_predictor(frame: np.ndarray) -> np.ndarray:
    """Whitening filter [1, -a1, ... -a10] of a frame: autocorrelation method, white-noise corrected, 60 Hz damped."""
    windowed = frame * np.hanning(len(frame))
    correlation = np.correlate(windowed, windowed, "full")[len(frame) - 1 :][: LPC_ORDER + 1]
    if len(correlation) <= LPC_ORDER or correlation[0] < 1e-12:
        return np.r_[1.0, np.zeros(LPC_ORDER)]
    correlation[0] *= 1.001
    coefficients = scipy.linalg.solve_toeplitz(correlation[:-1], correlation[1:])
    bandwidth_expansion = 0.98 ** np.arange(1, LPC_ORDER + 1)
    return np.r_[1.0, -coefficients * bandwidth_expansion]


def adpcm(clips: Sequence[np.ndarray]) -> list[np.ndarray]:
    """IMA-ADPCM-like 4-bit coding of many clips at once (the coder is serial in time, so clips run side by side)."""
    length = max(len(clip) for clip in clips)
    pcm = np.zeros((length, len(clips)))
    for column, clip in enumerate(clips):
        pcm[: len(clip), column] = clip * 32767.0
    decoded = np.zeros_like(pcm)
    predicted, index = np.zeros(len(clips)), np.zeros(len(clips), dtype=int)
    for t in range(length):
        step = IMA_STEPS[index]
        difference = pcm[t] - predicted
        magnitude = np.minimum(7, np.floor(np.abs(difference) * 4.0 / step)).astype(int)
        predicted = np.clip(predicted + np.sign(difference) * (magnitude + 0.5) * step / 4.0, -32768, 32767)
        index = np.clip(index + IMA_INDEX_SHIFT[magnitude], 0, len(IMA_STEPS) - 1)
        decoded[t] = predicted
    return [(decoded[: len(clip), column] / 32767.0).astype(np.float32) for column, clip in enumerate(clips)]


def room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room: direct sound, a few early reflections and an exponential tail of 0.15-0.7 s, darker as it decays."""
    decay_s = rng.uniform(0.15, 0.7)
    t = np.arange(int(decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(t)) * 10 ** (-3.0 * t / decay_s)
    dark = scipy.signal.butter(1, rng.uniform(2000, 6000) / (SAMPLE_RATE / 2), output="sos")
    tail = scipy.signal.sosfilt(dark, tail)
    tail[: int(0.002 * SAMPLE_RATE)] = 0.0
    direct_to_reverberant_db = rng.uniform(-3.0, 12.0)
    tail *= 10 ** (-direct_to_reverberant_db / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    response = np.r_[1.0, tail]
    wet = scipy.signal.fftconvolve(samples, response)[: len(samples)]
    return (wet * rms(samples) / (rms(wet) + 1e-9)).astype(np.float32)


def microphone_colour(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A cheap microphone's response: up to 8 dB of smooth ripple over frequency."""
    knots_db = rng.uniform(-8.0, 8.0, 6)
    taps = scipy.signal.firwin2(129, np.linspace(0, 1, 6), 10 ** (knots_db / 20))
    return scipy.signal.fftconvolve(samples, taps, mode="same").astype(np.float32)


def sounding(samples: np.ndarray) -> np.ndarray:
    """From the first to the last 10 ms that is within SOUNDING_DB of the loudest, and a little more on either side.

    It asks for no background beside the sound, as edge.dsp.vad does: a spoken word may fill its clip.
    """
    n_blocks = len(samples) // SOUNDING_BLOCK
    if n_blocks < len(SOUNDING_MEAN):
        return samples
    blocks = samples[: n_blocks * SOUNDING_BLOCK].reshape(n_blocks, SOUNDING_BLOCK)
    power = np.convolve(np.mean(np.square(blocks, dtype=np.float64), axis=1), SOUNDING_MEAN, "same")
    loud = np.flatnonzero(power >= power.max() * 10 ** (-SOUNDING_DB / 10))
    begin, end = max(0, loud[0] - SOUNDING_MARGIN), loud[-1] + 1 + SOUNDING_MARGIN
    return samples[begin * SOUNDING_BLOCK : end * SOUNDING_BLOCK]


def edges(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Begun and ended a little too early or too late, each by up to a tenth to a seventh of its length."""
    early, late = (rng.uniform(-0.1, 0.15, 2) * len(samples)).astype(int)
    samples = samples[max(0, -early) : len(samples) - max(0, -late)]
    return np.pad(samples, (max(0, early), max(0, late)))


def noise_floor(samples: np.ndarray, rng: np.random.Generator, snr_db: float | None = None) -> np.ndarray:
    """A steady hiss between white and brown, so far below the sound; None: 5-50 dB."""
    spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    hiss = np.fft.irfft(spectrum * np.maximum(hz, 50.0) ** -rng.uniform(0.0, 1.0), len(samples))
    below_db = rng.uniform(5.0, 50.0) if snr_db is None else snr_db
    hiss *= rms(samples) / rms(hiss) * 10 ** (-below_db / 20)
    return (samples + hiss).astype(np.float32)


def speed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Faster and higher or slower and lower, by one of SPEEDS: another infant, another cat."""
    up, down = SPEEDS[rng.integers(len(SPEEDS))]
    return scipy.signal.resample_poly(samples, up, down).astype(np.float32)


def rms(samples: np.ndarray) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)) + 1e-20))
