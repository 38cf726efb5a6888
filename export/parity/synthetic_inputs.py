"""Sounds made of numbers, for experts to be quantised and compared on: cries, voices, a household.

Fused tensors of recordings are not kept: a log-power spectrum of 257 bins can nearly be turned back into sound.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.frames import SAMPLE_RATE
from edge.synthesis import alarm, babble, door, fan, infant_cry, lullaby
from edge.synthesis.signals import in_room, to_level

SEEDS = {"quantise": 1, "parity": 2}  # the parts share no sound
CLIPS = {"quantise": 10, "parity": 14}
CLIP_S = 4.4  # the window fills after 3.5 s
LONG_S = 48.0  # one stream of the parity part, so that what adds up over hundreds of steps shows
LEVELS_DBFS = (-50.0, -15.0)
FLOOR_DBFS = (-85.0, -65.0)  # no microphone gives digital silence
BANDWIDTHS_HZ = (8000.0, 5500.0, 4000.0, 3400.0)
CRY_OVER_OTHER_DB = (0.0, 20.0)
ROOM_SHARE = 0.5

Sound = Callable[[float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Clip:
    """A synthetic recording: float32 at 16 kHz, and what it is."""

    name: str
    condition: str
    samples: np.ndarray


def synthetic_clips(part: str) -> list[Clip]:
    """The clips of a part, the same each time; the parity part ends with a long one."""
    rng = np.random.default_rng(SEEDS[part])
    kinds = list(SOUNDS)
    clips = [make(f"{part} {n}", kinds[n % len(kinds)], CLIP_S, rng) for n in range(CLIPS[part])]
    if part == "parity":
        clips.append(make(f"{part} long", "cry", LONG_S, rng))
    return clips


def make(name: str, kind: str, duration_s: float, rng: np.random.Generator) -> Clip:
    """One clip at a level, through a bandwidth, in a room or not, over a microphone's own noise."""
    samples = SOUNDS[kind](duration_s, rng)
    is_in_room = rng.random() < ROOM_SHARE
    if is_in_room:
        samples = in_room(samples, rng)
    level_dbfs, band_hz = rng.uniform(*LEVELS_DBFS), rng.choice(BANDWIDTHS_HZ)
    noise = to_level(rng.standard_normal(len(samples)), rng.uniform(*FLOOR_DBFS))
    samples = to_level(below(samples, band_hz), level_dbfs) + below(noise, band_hz)
    condition = f"{kind}, {level_dbfs:.0f} dBFS, below {band_hz:.0f} Hz" + (", in a room" if is_in_room else "")
    return Clip(name, condition, np.clip(samples, -1.0, 1.0).astype(np.float32))


def cry(duration_s: float, rng: np.random.Generator) -> np.ndarray:
    """A cry alone."""
    return infant_cry(duration_s, rng).samples


def over(other: Sound) -> Sound:
    """A cry while something else sounds."""

    def both(duration_s: float, rng: np.random.Generator) -> np.ndarray:
        gain = 10 ** (-rng.uniform(*CRY_OVER_OTHER_DB) / 20)
        return cry(duration_s, rng) + np.float32(gain) * other(duration_s, rng)

    return both


def below(samples: np.ndarray, band_hz: float) -> np.ndarray:
    """Without what lies above a frequency."""
    spectrum = np.fft.rfft(samples)
    spectrum[np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE) > band_hz] = 0
    return np.fft.irfft(spectrum, len(samples))


SOUNDS: dict[str, Sound] = {
    "cry": cry,
    "cry and fan": over(fan),
    "cry and voices": over(babble),
    "voices": babble,
    "cry, another": cry,
    "lullaby": lullaby,
    "cry and lullaby": over(lullaby),
    "fan": fan,
    "door": door,
    "alarm": alarm,
}
