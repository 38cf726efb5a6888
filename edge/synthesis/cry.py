"""Infant cries with known pitch: trains of expirations between breaths. Never evidence of accuracy.

A cry is a rise-fall melody between 300 and 600 Hz, sometimes broken by hyperphonation an octave up,
shaped by a short vocal tract (formants near 1.1, 3.3 and 5 kHz) and roughened by stretches of
dysphonation: noise and a subharmonic where the folds stop vibrating regularly.
"""

from typing import List, NamedTuple, Tuple

import numpy as np

from edge.frames import SAMPLE_RATE
from edge.synthesis.signals import HOP_LENGTH, coloured_noise, fade, n_frames, n_samples, to_level, upsample, wander
from edge.synthesis.voice import harmonics, resonance

EXPIRATION_S = (0.6, 1.6)
INSPIRATION_S = (0.2, 0.5)
PAUSE_S = (0.6, 2.2)  # between bouts, besides one inspiration: always under 3 s of silence
F0_RANGE_HZ = (300.0, 600.0)
HYPERPHONATION_RATIO = 2.0

_SECONDS_PER_BOUT = 8.0
_AUDIBLE = 0.1  # share of full amplitude below which a frame has no pitch
_ROUGH = 0.3  # dysphonation above which a frame has no pitch


class Cry(NamedTuple):
    """A synthetic cry and its truth. Grid point k lies at k * 10 ms."""

    samples: np.ndarray  # float32, 16 kHz, RMS -30 dBFS; phonation begins at sample 0
    f0_hz: np.ndarray  # float32 per grid point, NaN where unvoiced
    voiced: np.ndarray  # bool per grid point
    bouts: List[Tuple[float, float]]  # start and end of each run of expirations, seconds


class _Infant(NamedTuple):
    f0_hz: float  # where a melody starts
    tract: float  # formant scale: 1 is a newborn of average size
    brightness: float  # gain of the upper formants
    hoarseness: float  # 0 clear .. 1 every expiration rough


def infant_cry(duration_s, rng, hoarseness=None):
    """One infant crying for `duration_s` seconds (>= 0.6): a Cry of exactly that length.

    `rng`: numpy.random.Generator; the same state gives the same cry. `hoarseness`: 0 (clear) to 1
    (every expiration partly noise), drawn where None. Raises ValueError for a shorter duration.
    """
    if duration_s < EXPIRATION_S[0]:
        raise ValueError("duration_s is %g, a cry lasts at least %g s" % (duration_s, EXPIRATION_S[0]))
    infant = _Infant(
        f0_hz=rng.uniform(350.0, 450.0),
        tract=rng.uniform(0.92, 1.1),
        brightness=rng.uniform(1.2, 2.0),
        hoarseness=rng.uniform(0.2, 0.7) if hoarseness is None else hoarseness,
    )
    total = n_samples(duration_s)
    samples = np.zeros(total, dtype=np.float32)
    f0_hz = np.full(n_frames(total), np.nan, dtype=np.float32)
    spans = _plan(duration_s, rng)
    quiet_from = 0
    for start_s, end_s in spans:
        start = n_samples(start_s)
        if start > quiet_from:
            length = min(_on_grid(rng.uniform(*INSPIRATION_S)), start - quiet_from)
            _write(samples, f0_hz, start - length, _inspiration(length, infant, rng))
        quiet_from = n_samples(end_s)
        _write(samples, f0_hz, start, _expiration(quiet_from - start, infant, rng))
    return Cry(to_level(samples), f0_hz, np.isfinite(f0_hz), _bouts(spans))


def _plan(duration_s, rng):
    """Start and end of each expiration in seconds; all but the last end lie on the 10-ms grid."""
    spans, start_s = [], 0.0
    while duration_s - start_s > EXPIRATION_S[1]:
        room_s = duration_s - start_s - EXPIRATION_S[0]  # the last expiration must still fit
        gap_s = rng.uniform(*INSPIRATION_S)
        if rng.random() < np.mean(EXPIRATION_S) / _SECONDS_PER_BOUT:
            gap_s += rng.uniform(*PAUSE_S)
        gap_s = min(gap_s, room_s - EXPIRATION_S[0])
        end_s = start_s + min(rng.uniform(*EXPIRATION_S), room_s - gap_s)
        spans.append((round(start_s, 2), round(end_s, 2)))
        start_s = round(end_s + gap_s, 2)
    return spans + [(start_s, duration_s)]


def _bouts(spans):
    """Join expirations that only a breath separates."""
    bouts = [spans[0]]
    for start_s, end_s in spans[1:]:
        if start_s - bouts[-1][1] > INSPIRATION_S[1] + 0.01:
            bouts.append((start_s, end_s))
        else:
            bouts[-1] = (bouts[-1][0], end_s)
    return bouts


def _on_grid(duration_s):
    return n_samples(duration_s) // HOP_LENGTH * HOP_LENGTH


def _write(samples, f0_hz, start, sound):
    """Put one (samples, f0_hz) at a sample that lies on the 10-ms grid."""
    part, part_f0_hz = sound
    samples[start : start + len(part)] = part
    first = start // HOP_LENGTH
    f0_hz[first : first + len(part_f0_hz)] = part_f0_hz


def _tract(infant, opening=1.0):
    """Formants; `opening` (scalar or (T, 1)) below 1 is a mouth not fully open."""
    scale, bright = infant.tract, infant.brightness
    return (
        (1150.0 * scale * opening, 400.0, 1.0),
        (2000.0 * scale * opening, 480.0, 0.25 * bright),
        (3400.0 * scale, 720.0, 0.40 * bright),
        (5000.0 * scale, 720.0, 0.15 * bright),
        (6700.0 * scale, 1200.0, 0.15 * bright),
    )


def _expiration(length, infant, rng):
    """One cry of `length` samples: (samples, f0_hz on the grid)."""
    frames = n_frames(length)
    time_s = np.arange(frames) * HOP_LENGTH / SAMPLE_RATE
    f0_hz = _melody(time_s, infant, rng)
    rough = _dysphonation(time_s, infant, rng)

    closing = np.exp(-time_s / rng.uniform(0.05, 0.15))
    closing += 0.7 * np.exp((time_s - time_s[-1]) / rng.uniform(0.05, 0.15))
    formants = _tract(infant, 1.0 - 0.35 * closing[:, None])
    tone, phase = harmonics(f0_hz, lambda hz: resonance(hz, formants), length)
    noise = coloured_noise(length, lambda hz: resonance(hz, _tract(infant)), rng)
    noise *= 0.7 * np.std(tone) / np.std(noise)

    swell = np.sin(np.pi * np.linspace(0.0, 1.0, frames) ** rng.uniform(0.6, 1.1)).clip(0.0) ** 0.4
    shimmer = np.exp(0.08 * wander(frames, 40.0, rng) + 0.25 * wander(frames, 4.0, rng))
    loudness = upsample(swell * shimmer, length)
    loudness *= fade(length, rng.uniform(0.01, 0.03), rng.uniform(0.08, 0.25))
    roughness = upsample(rough, length)
    subharmonic = 1.0 + 0.6 * roughness * np.cos(0.5 * phase)
    turbulence = (0.08 + 0.8 * roughness) * (1.0 + 0.5 * np.cos(phase)) * noise
    samples = loudness * ((1.0 - 0.7 * roughness) * subharmonic * tone + turbulence)
    pitched = (_on_frames(loudness, frames) > _AUDIBLE) & (rough < _ROUGH)
    return samples, np.where(pitched, f0_hz, np.nan)


def _on_frames(envelope, frames):
    """An envelope read at the grid points; the one past its end is 0."""
    values = np.zeros(frames, dtype=np.float32)
    read = envelope[::HOP_LENGTH]
    values[: len(read)] = read
    return values


def _melody(time_s, infant, rng):
    """Rise and fall with vibrato and jitter, Hz on the grid; now and then the voice breaks upwards."""
    u = time_s / time_s[-1]
    arch = np.sin(np.pi * u ** rng.uniform(0.5, 1.0))
    semitones = rng.uniform(2.0, 7.0) * arch - rng.uniform(1.0, 6.0) * u + rng.normal(0.0, 0.7)
    vibrato = rng.uniform(0.2, 0.6) * np.sin(2.0 * np.pi * rng.uniform(5.0, 8.0) * time_s)
    jitter = 0.15 * wander(len(time_s), 80.0, rng)
    f0_hz = np.clip(infant.f0_hz * 2.0 ** ((semitones + vibrato + jitter) / 12.0), *F0_RANGE_HZ)
    if rng.random() < 0.1:
        begin = rng.uniform(0.2, 0.6)
        f0_hz[(u > begin) & (u < begin + rng.uniform(0.15, 0.4))] *= HYPERPHONATION_RATIO
    return f0_hz


def _dysphonation(time_s, infant, rng):
    """How rough the voice is on the grid, 0..1: one stretch in some expirations."""
    if rng.random() >= infant.hoarseness:
        return np.zeros(len(time_s))
    centre_s, half_s = rng.uniform(0.3, 0.8) * time_s[-1], rng.uniform(0.1, 0.35)
    return rng.uniform(0.5, 1.0) / (1.0 + np.exp((np.abs(time_s - centre_s) - half_s) / 0.02))


def _inspiration(length, infant, rng):
    """The breath before a cry: quiet noise, at times with a short high-pitched sound: (samples, f0_hz)."""
    frames, duration_s = n_frames(length), length / SAMPLE_RATE
    formants = _tract(infant, 1.25)
    noise = coloured_noise(length, lambda hz: resonance(hz, formants), rng)
    samples = 0.005 / max(np.std(noise), 1e-9) * noise * fade(length, 0.5 * duration_s, 0.4 * duration_s)
    f0_hz = np.full(frames, np.nan)
    if rng.random() < 0.3:
        rising_hz = rng.uniform(550.0, 750.0) * np.linspace(1.0, rng.uniform(1.05, 1.3), frames)
        tone, _ = harmonics(rising_hz, lambda hz: resonance(hz, formants), length)
        envelope = fade(length, 0.3 * duration_s, 0.5 * duration_s)
        samples += 0.15 * envelope * tone
        f0_hz = np.where(_on_frames(envelope, frames) > _AUDIBLE, rising_hz, np.nan)
    return samples, f0_hz
