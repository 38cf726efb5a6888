"""Made-up words are recognised in log-mel, and hardly in what is kept of a marked event, whatever is made of it."""

import numpy as np
import pytest
from scipy.signal import lfilter

pytest.importorskip("ai_edge_litert")

from benchmarks.studies.kept_inversion import features_of, listen, shipped  # noqa: E402

FORMANTS = {"a": (730, 1090), "i": (270, 2290), "u": (300, 870), "e": (530, 1840), "o": (570, 840)}  # Hz
WORDS = ("ai", "ia", "uo", "ou", "ae", "ea")
EACH = 12
KEPT = "the networks' answers as they are kept"


def syllable(vowel, pitch_hz, seconds, rng):
    """A vowel as a buzz through two resonances; 16 kHz."""
    sound = np.zeros(int(16000 * seconds))
    sound[:: int(16000 / pitch_hz)] = 1.0
    sound += 0.003 * rng.standard_normal(len(sound))
    for formant_hz in FORMANTS[vowel]:
        radius, angle = np.exp(-np.pi * 90 / 16000), 2 * np.pi * formant_hz * rng.uniform(0.95, 1.05) / 16000
        sound = lfilter([1.0], [1.0, -2 * radius * np.cos(angle), radius**2], sound)
    return sound / np.abs(sound).max()


def word(vowels, rng):
    """Vowels one after the other, by a voice and at a pace of its own."""
    pitch_hz, seconds = rng.uniform(90, 260), rng.uniform(0.2, 0.35)
    return np.concatenate([syllable(vowel, pitch_hz * rng.uniform(0.95, 1.05), seconds, rng) for vowel in vowels])


def test_what_is_kept_says_little_of_a_word():
    rng = np.random.default_rng(0)
    labels = np.array(WORDS * EACH)
    features = features_of([word(label, rng) for label in labels], shipped())
    train, test = np.arange(len(labels) * 2 // 3), np.arange(len(labels) * 2 // 3, len(labels))
    found = listen(features, labels, [(train, test)])
    assert found["log-mel"]["directly"][0] > 0.85
    assert max(found[KEPT]["directly"][0], found[KEPT]["inverted"][0]) < 0.6
