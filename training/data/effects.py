"""The variants of a recording that training may hear instead: rooms, telephones, other voices."""

from __future__ import annotations

import hashlib

import numpy as np

from training.data import augmentation
from training.data.corpora import Clip

CLEAN = "clean"


def edged(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Not begun and ended exactly where it sounds, over a noise floor of its own."""
    return augmentation.noise_floor(augmentation.edges(samples, rng), rng)


def voice(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same of a smaller or larger speaker."""
    return edged(augmentation.speed(samples, rng), rng)


EFFECTS = {
    "edges": edged,
    "voice": voice,
    "voice_2": voice,  # draws anew
    "speed": augmentation.speed,
    "telephone": augmentation.telephone,
    "noise_10_db": lambda samples, rng: augmentation.noise_floor(samples, rng, 10.0),
    "noise_0_db": lambda samples, rng: augmentation.noise_floor(samples, rng, 0.0),
    "room": lambda samples, rng: augmentation.microphone_colour(augmentation.room(samples, rng), rng),
    "narrow_room": lambda samples, rng: augmentation.band_limit(
        augmentation.room(samples, rng), rng.uniform(50, 400), rng.uniform(2800, 6000)
    ),
}
VARIANTS = (CLEAN, *EFFECTS)


def apply_variant(samples: np.ndarray, variant: str, clip: Clip) -> np.ndarray:
    """A variant of a clip's samples.

    The draw follows from the clip's name, not from its label: every label meets the same channels.
    """
    if variant == CLEAN:
        return samples
    rng = np.random.default_rng(list(hashlib.sha256(f"{variant} {clip.clip_id}".encode()).digest()))
    return EFFECTS[variant](samples, rng)
