"""What else an infant says, and who sings to it: laughter, babble, songs. Never evidence of accuracy.

A baby laughs and babbles with the throat it cries with; what differs is the rhythm: bursts of a tenth of a second
four to seven times a second, or syllables of a third of a second at ease, where a cry is one breath long.
"""

import numpy as np

from edge.synthesis.signals import (
    HOP_LENGTH,
    SAMPLE_RATE,
    coloured_noise,
    fade,
    n_frames,
    n_samples,
    to_level,
    upsample,
    wander,
)
from edge.synthesis.voice import harmonics, resonance

# Of an adult: a, e, o, u.
_VOWELS_HZ = np.array(((730, 1090, 2440), (530, 1840, 2480), (570, 840, 2410), (300, 870, 2240)))
_BANDWIDTHS_HZ = (140.0, 220.0, 320.0)
_GAINS = (1.0, 0.4, 0.15)


def infant_laughter(duration_s, rng):
    """Bouts of short bursts of voice with breath between them, falling in pitch, now and then a squeal."""
    samples = np.zeros(n_samples(duration_s), dtype=np.float32)
    tract, base_hz = rng.uniform(1.5, 1.9), rng.uniform(280.0, 520.0)
    start_s = rng.uniform(0.0, 0.3)
    while start_s < duration_s:
        rate_hz, n_bursts = rng.uniform(4.0, 7.0), rng.integers(3, 11)
        top_hz = base_hz * rng.uniform(1.0, 1.6)
        for number in range(n_bursts):
            f0_hz = top_hz * 0.96**number * np.exp(rng.normal(0.0, 0.05))
            length_s = rng.uniform(0.06, 0.13)
            burst = _syllable(length_s, (f0_hz, 0.85 * f0_hz), _VOWELS_HZ[0] * tract, 0.5, rng)
            _add(samples, start_s + number / rate_hz, 0.9**number * burst)
        start_s += n_bursts / rate_hz
        if rng.random() < 0.4:
            squeal_hz = top_hz * rng.uniform(1.5, 2.2)
            squeal = _syllable(rng.uniform(0.2, 0.5), (squeal_hz, 1.15 * squeal_hz), _VOWELS_HZ[1] * tract, 0.2, rng)
            _add(samples, start_s, 0.7 * squeal)
        start_s += rng.uniform(0.4, 1.6)
    return to_level(samples)


def infant_babble(duration_s, rng):
    """Syllables at ease (ba, da, e) in short phrases, and long soft vowels between them."""
    samples = np.zeros(n_samples(duration_s), dtype=np.float32)
    tract, base_hz = rng.uniform(1.4, 1.8), rng.uniform(240.0, 420.0)
    start_s = rng.uniform(0.0, 0.3)
    while start_s < duration_s:
        vowel = _VOWELS_HZ[rng.integers(len(_VOWELS_HZ))] * tract
        if rng.random() < 0.35:
            length_s = rng.uniform(0.5, 1.2)
            glide = base_hz * rng.uniform(0.8, 1.4, 2)
            _add(samples, start_s, 0.7 * _syllable(length_s, glide, vowel, 0.15, rng))
            start_s += length_s
        else:
            for _ in range(rng.integers(1, 6)):
                length_s = rng.uniform(0.15, 0.4)
                _add(samples, start_s, _syllable(length_s, base_hz * rng.uniform(0.9, 1.2, 2), vowel, 0.15, rng))
                start_s += length_s + rng.uniform(0.04, 0.12)
        start_s += rng.uniform(0.3, 1.4)
    return to_level(samples)


def song(duration_s, rng):
    """A woman or a child sings a tune in words, at times over plucked chords."""
    length = n_samples(duration_s)
    samples = np.zeros(length, dtype=np.float32)
    tonic_hz, tract, beat_s = rng.uniform(196.0, 330.0), rng.uniform(1.1, 1.5), rng.uniform(0.3, 0.6)
    scale = (0, 2, 4, 5, 7, 9, 11, 12)
    step, start_s, chords = int(rng.integers(0, 5)), 0.0, rng.random() < 0.5
    while start_s < duration_s:
        length_s = beat_s * rng.choice([1, 1, 1, 2, 3])
        f0_hz = tonic_hz * 2.0 ** (scale[step] / 12.0)
        vowel = _VOWELS_HZ[rng.integers(len(_VOWELS_HZ))] * tract
        _add(samples, start_s, _syllable(0.95 * length_s, (f0_hz, f0_hz), vowel, 0.1, rng, vibrato=0.3))
        if chords:
            root_hz = tonic_hz / 2.0 * 2.0 ** (scale[int(rng.choice([0, 3, 4]))] / 12.0)
            for semitones in (0, 4, 7):
                _add(samples, start_s, 0.25 * _pluck(root_hz * 2.0 ** (semitones / 12.0)))
        start_s += length_s + (beat_s if rng.random() < 0.1 else 0.0)
        step = int(np.clip(step + rng.integers(-2, 3), 0, len(scale) - 1))
    return to_level(samples)


def _syllable(length_s, f0_hz, formants_hz, breath, rng, vibrato=0.1):
    """One voiced sound that glides between two pitches, with its breath; peak about 1."""
    length = n_samples(length_s)
    frames = n_frames(length)
    time_s = np.arange(frames) * HOP_LENGTH / SAMPLE_RATE
    contour = np.linspace(f0_hz[0], f0_hz[1], frames)
    semitones = vibrato * np.sin(2.0 * np.pi * rng.uniform(5.0, 6.5) * time_s) + 0.1 * wander(frames, 20.0, rng)
    mouth = list(zip(formants_hz, _BANDWIDTHS_HZ, _GAINS))
    tone, _ = harmonics(contour * 2.0 ** (semitones / 12.0), lambda hz: resonance(hz, mouth), length)
    noise = coloured_noise(length, lambda hz: resonance(hz, mouth), rng)
    swell = np.sin(np.pi * np.linspace(0.02, 0.98, frames)) ** 0.5
    sound = tone / (np.std(tone) + 1e-9) + breath * noise / (np.std(noise) + 1e-9)
    return 0.3 * sound * upsample(swell, length) * fade(length, 0.01, min(0.06, 0.4 * length_s))


def _pluck(frequency_hz):
    """A plucked string: harmonics that die away, the high ones first."""
    time_s = np.arange(n_samples(0.8)) / SAMPLE_RATE
    sound = np.zeros(len(time_s))
    for order in range(1, max(2, min(12, int(6000.0 / frequency_hz)))):
        tone = np.sin(2.0 * np.pi * order * frequency_hz * time_s) / order
        sound += tone * np.exp(-(2.0 + order) * time_s)
    return sound


def _add(samples, start_s, sound):
    """Mix a sound in at a time, cut at the end of the samples."""
    part = samples[n_samples(start_s) :][: len(sound)]
    part += sound[: len(part)].astype(np.float32)
