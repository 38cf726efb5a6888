"""What else a nursery hears: lullaby, speech-like babble, fan, door, alarm. Never evidence of accuracy.

Every generator takes (duration_s, rng: numpy.random.Generator) and returns exactly that many seconds as
float32 at 16 kHz with an RMS of signals.REFERENCE_DBFS; the same state gives the same sound.
"""

import numpy as np

from edge.frames import SAMPLE_RATE
from edge.synthesis.signals import HOP_LENGTH, coloured_noise, fade, n_frames, n_samples, to_level, upsample, wander
from edge.synthesis.voice import harmonics, resonance

_SCALE_SEMITONES = (0, 2, 4, 7, 9, 12)  # pentatonic: any walk on it sounds like a tune
_VOWELS_HZ = np.array(  # first three formants of a, i, u, e, o
    ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))
)
_SPEECH_HIGHEST_HZ = 4000.0
_SENTENCE_S = 2.5


def lullaby(duration_s, rng):
    """A slow tune, hummed by an adult or played by a music box."""
    length = n_samples(duration_s)
    notes = _tune(duration_s, rng)
    return to_level(_hummed(notes, length, rng) if rng.random() < 0.5 else _music_box(notes, length))


def babble(duration_s, rng, voices=3):
    """Several people talking at once: syllables at 4 Hz, moving formants, fricatives between."""
    length = n_samples(duration_s)
    return to_level(sum(rng.uniform(0.5, 1.0) * _talker(length, rng) for _ in range(voices)))


def fan(duration_s, rng):
    """Low-passed noise with the hum of a motor, running up and down within a second."""
    length = n_samples(duration_s)
    noise = coloured_noise(length, lambda hz: hz / (hz + 60.0) / (1.0 + (hz / 250.0) ** 1.2), rng)
    period = rng.integers(SAMPLE_RATE // 120, SAMPLE_RATE // 80)
    phase = 2.0 * np.pi * np.arange(period) / period
    hum = sum(np.sin(order * phase) / order**1.5 for order in range(1, 7)).astype(np.float32)
    noise += 0.3 * np.std(noise) * np.resize(hum, length)
    return to_level(noise * fade(length, 0.5, 0.5))


def door(duration_s, rng):
    """A latch, the creak of a hinge, and the thump of the door closing near the end."""
    length = n_samples(duration_s)
    samples = np.zeros(length, dtype=np.float32)
    _add(samples, 0.0, 0.4 * _click(rng))
    creak_s = 0.5 * duration_s
    _add(samples, 0.1 * duration_s, 0.3 * _creak(n_samples(creak_s), rng))
    _add(samples, 0.75 * duration_s, _thump(rng))
    _add(samples, 0.75 * duration_s + 0.03, 0.4 * _click(rng))
    return to_level(samples)


def alarm(duration_s, rng):
    """Groups of four beeps between 2 and 3 kHz, as clocks and smoke detectors make."""
    length = n_samples(duration_s)
    time_s = np.arange(length) / SAMPLE_RATE
    phase = 2.0 * np.pi * rng.uniform(2000.0, 3000.0) * time_s
    tone = np.sin(phase) + 0.1 * np.sin(2.0 * phase)
    beep_s = rng.uniform(0.08, 0.12)
    envelope = np.zeros(length, dtype=np.float32)
    for start_s in np.arange(0.0, duration_s, 2.0 * beep_s):
        if int(round(start_s / (2.0 * beep_s))) % 7 < 4:
            begin = n_samples(start_s)
            part = envelope[begin : begin + n_samples(beep_s)]
            part += fade(len(part), 0.005, 0.005)
    return to_level(tone * envelope)


def _tune(duration_s, rng):
    """A walk on the scale: list of (start_s, frequency_hz) that covers the duration."""
    beat_s, tonic_hz = rng.uniform(0.45, 0.6), rng.uniform(200.0, 260.0)
    notes, start_s, step = [], 0.0, 2
    while start_s < duration_s:
        notes.append((start_s, tonic_hz * 2.0 ** (_SCALE_SEMITONES[step] / 12.0)))
        start_s += beat_s * rng.choice([1, 1, 2])
        step = int(np.clip(step + rng.integers(-2, 3), 0, len(_SCALE_SEMITONES) - 1))
    return notes


def _hummed(notes, length, rng):
    """The tune through a closed mouth: gliding pitch, vibrato, few harmonics, a dip at each note."""
    time_s = np.arange(n_frames(length)) * HOP_LENGTH / SAMPLE_RATE
    starts_s, pitches_hz = np.array(notes).T
    note = np.searchsorted(starts_s, time_s, side="right") - 1
    glide = np.hanning(11) / np.hanning(11).sum()
    octaves = np.convolve(np.pad(np.log2(pitches_hz[note]), 5, mode="edge"), glide, mode="valid")
    octaves += 0.012 * np.sin(2.0 * np.pi * 5.2 * time_s) + 0.002 * wander(len(time_s), 20.0, rng)
    since_note_s = time_s - starts_s[note]
    loudness = (1.0 - 0.8 * np.exp(-since_note_s / 0.06)) * np.exp(-0.5 * since_note_s)
    nasal = ((280.0, 200.0, 1.0), (1000.0, 300.0, 0.05), (2300.0, 400.0, 0.02))
    tone, _ = harmonics(2.0**octaves, lambda hz: resonance(hz, nasal), length, _SPEECH_HIGHEST_HZ)
    return tone * upsample(loudness, length) * fade(length, 0.02, 0.2)


def _music_box(notes, length):
    """The tune two octaves up on struck steel: partials of a bar, each note dying away."""
    samples = np.zeros(length, dtype=np.float32)
    time_s = np.arange(n_samples(1.5)) / SAMPLE_RATE
    for start_s, pitch_hz in notes:
        note = sum(
            gain * np.sin(2.0 * np.pi * 4.0 * pitch_hz * ratio * time_s) * np.exp(-rate * time_s)
            for ratio, gain, rate in ((1.0, 1.0, 4.0), (2.76, 0.25, 9.0), (5.4, 0.08, 18.0))
            if 4.0 * pitch_hz * ratio < 0.5 * SAMPLE_RATE
        )
        _add(samples, start_s, note)
    return samples


def _talker(length, rng):
    """One person: a vowel per syllable, a falling sentence melody, fricatives in the gaps, pauses."""
    frames = n_frames(length)
    time_s = np.arange(frames) * HOP_LENGTH / SAMPLE_RATE
    rate_hz = np.clip(4.0 + wander(frames, 1.0, rng), 2.5, 6.0)
    syllable = np.cumsum(rate_hz) * HOP_LENGTH / SAMPLE_RATE
    vowels = rng.integers(0, len(_VOWELS_HZ), size=int(syllable[-1]) + 2)
    spoken = np.where(rng.random(len(vowels)) < 0.85, 1.0, 0.0)
    spoken[0] = 1.0
    speaking = spoken[np.round(syllable).astype(int)]

    octaves = 0.15 * wander(frames, 1.5, rng) - 0.15 * (time_s % _SENTENCE_S - 0.5 * _SENTENCE_S)
    f0_hz = np.clip(rng.uniform(110.0, 220.0) * 2.0**octaves, 100.0, 250.0)
    centres_hz = [np.interp(syllable, np.arange(len(vowels)), row) for row in _VOWELS_HZ[vowels].T]
    mouth = [(hz[:, None], *shape) for hz, shape in zip(centres_hz, ((90, 1.0), (130, 0.4), (200, 0.15)))]
    tone, _ = harmonics(f0_hz, lambda hz: resonance(hz, mouth) * (100.0 / hz) ** 0.5, length, _SPEECH_HIGHEST_HZ)
    hiss = coloured_noise(length, lambda hz: resonance(hz, ((4800.0, 2500.0, 1.0),)), rng)
    voicing = upsample(speaking * np.cos(np.pi * syllable) ** 2, length)
    hissing = upsample(speaking * np.sin(np.pi * syllable) ** 8, length)
    return tone / np.std(tone) * voicing + 0.15 * hiss / np.std(hiss) * hissing


def _click(rng):
    """A latch: 20 ms of bright noise that dies at once; peak about 1."""
    length = n_samples(0.02)
    noise = coloured_noise(length, lambda hz: resonance(hz, ((3000.0, 2500.0, 1.0),)), rng)
    return noise / np.max(np.abs(noise)) * np.exp(-np.arange(length) / n_samples(0.004))


def _creak(length, rng):
    """Stick and slip: pulses at 30-80 Hz that ring in the wood; peak about 1."""
    rate_hz = np.clip(50.0 + 15.0 * wander(n_frames(length), 3.0, rng), 25.0, 90.0)
    wood = ((650.0, 120.0, 1.0), (1400.0, 200.0, 0.5), (2300.0, 300.0, 0.2))
    tone, _ = harmonics(rate_hz, lambda hz: resonance(hz, wood), length, 3000.0)
    return tone / np.max(np.abs(tone)) * fade(length, 0.1, 0.1)


def _thump(rng):
    """Wood against the frame: two low modes and a burst of noise; peak about 1."""
    length = n_samples(0.35)
    time_s = np.arange(length) / SAMPLE_RATE
    modes_hz = rng.uniform(55.0, 75.0), rng.uniform(95.0, 130.0)
    modes = sum(np.sin(2.0 * np.pi * hz * time_s) for hz in modes_hz)
    noise = coloured_noise(length, lambda hz: 1.0 / (1.0 + (hz / 400.0) ** 2), rng)
    thump = modes * np.exp(-time_s / 0.06) + noise / np.std(noise) * np.exp(-time_s / 0.015)
    return thump / np.max(np.abs(thump))


def _add(samples, start_s, sound):
    """Mix a sound in at a time, cut at the end of the samples."""
    part = samples[n_samples(start_s) :][: len(sound)]
    part += sound[: len(part)]
