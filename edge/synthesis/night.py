"""A night in a nursery: cries and other sounds at stated levels in a room that is never quite silent.

The truth says when each sound begins and ends. It is never evidence of accuracy.
"""

from typing import List, NamedTuple, Optional

import numpy as np

from edge.synthesis.cry import infant_cry
from edge.synthesis.household import alarm, babble, door, fan, lullaby
from edge.synthesis.signals import coloured_noise, dbfs, in_room, n_samples, to_level

SHORTEST_NIGHT_S = 6.0
CRIES_PER_TEN_MINUTES = (4, 6)
CRY_S = (8.0, 40.0)
FLOOR_DBFS = -60.0
LOUDEST_DBFS = -26.0  # RMS; peaks lie up to 22 dB higher
SNR_DB = {  # ranges a level is drawn from
    "cry": (10.0, 35.0),
    "fan": (8.0, 14.0),
    "lullaby": (8.0, 20.0),
    "babble": (8.0, 20.0),
    "door": (8.0, 20.0),
    "alarm": (8.0, 20.0),
}

_EDGE_S = 10.0  # at both ends of a cry's share of the night: episodes lie 20 s apart
_CLEARANCE_S = 3.0  # least distance between sounds that are not meant to overlap
_QUIET_S = (4.0, 25.0)  # between one household sound and the next
_OVERLAP_SNR_DB = 5.0  # the lullaby over a cry lies this far below it
_OTHERS = {  # how each household sound is made, and for how many seconds
    "lullaby": (lullaby, (12.0, 20.0)),
    "babble": (babble, (6.0, 12.0)),
    "door": (door, (1.2, 2.0)),
    "alarm": (alarm, (3.0, 6.0)),
}


class Segment(NamedTuple):
    """One sound of a night, from its first sample to its last (the room's echo excluded)."""

    start_s: float
    end_s: float
    kind: str  # cry, lullaby, babble, fan, door, alarm
    snr_db: float  # against room noise and fan during the segment; a fan's against room noise alone
    level_dbfs: float  # RMS from start to end, pauses included
    f0_hz: Optional[np.ndarray] = None  # a cry's pitch every 10 ms from start_s, NaN where unvoiced


class Night(NamedTuple):
    """Audio and its truth."""

    samples: np.ndarray  # float32, 16 kHz, within [-1, 1]
    truth: List[Segment]  # sorted by start_s


class _Planned(NamedTuple):
    start_s: float
    end_s: float
    kind: str
    snr_db: float


def nursery_night(duration_s=600.0, seed=1):
    """A night of exactly `duration_s` seconds: a Night; the same seed gives the same samples.

    Ten minutes hold four to six cries of 8-40 s at least 20 s apart, a fan through the middle, other
    sounds between the cries and a lullaby over one of them. A short clip holds one cry, shortened to
    fit, and no fan. Raises ValueError below 6 s.
    """
    if duration_s < SHORTEST_NIGHT_S:
        raise ValueError("duration_s is %g, a night lasts at least %g s" % (duration_s, SHORTEST_NIGHT_S))
    rng = np.random.default_rng(seed)
    shares = _shares(duration_s, rng)
    cries = [_plan_cry(start_s, end_s, rng) for start_s, end_s in shares]
    over = [_plan_overlap(cries[len(cries) // 2], rng)] if len(cries) > 1 else []
    fans = _plan_fan(shares, rng)
    others = _plan_others(cries + over, duration_s, rng)

    background = to_level(coloured_noise(n_samples(duration_s), _room_tone, rng), FLOOR_DBFS)
    truth = [_mix(background, background, planned, rng) for planned in fans]
    samples = background.copy()
    truth += [_mix(samples, background, planned, rng) for planned in cries + over + others]
    return Night(samples, sorted(truth, key=lambda segment: segment.start_s))


def _room_tone(frequency_hz):
    return frequency_hz / (frequency_hz + 60.0) / np.sqrt(1.0 + frequency_hz / 200.0)


def _shares(duration_s, rng):
    """Divide the night into equal shares, one per cry: list of (start_s, end_s)."""
    per_ten_minutes = rng.integers(CRIES_PER_TEN_MINUTES[0], CRIES_PER_TEN_MINUTES[1] + 1)
    n = max(1, int(round(duration_s * per_ten_minutes / 600.0)))
    bounds_s = np.linspace(0.0, duration_s, n + 1)
    return list(zip(bounds_s[:-1], bounds_s[1:]))


def _plan_cry(start_s, end_s, rng):
    """One cry somewhere in its share of the night, clear of both ends."""
    share_s = end_s - start_s
    edge_s = min(_EDGE_S, share_s / 8.0) if share_s < 6.0 * _EDGE_S else _EDGE_S
    shortest_s, longest_s = (min(limit_s, share_s / 3.0) for limit_s in CRY_S)
    length_s = rng.uniform(shortest_s, longest_s)
    begin_s = rng.uniform(start_s + edge_s, end_s - edge_s - length_s)
    return _Planned(begin_s, begin_s + length_s, "cry", rng.uniform(*SNR_DB["cry"]))


def _plan_overlap(cry, rng):
    """Someone sings to the baby: a lullaby that sets in during the cry."""
    begin_s = cry.start_s + rng.uniform(0.3, 0.6) * (cry.end_s - cry.start_s)
    return _Planned(begin_s, cry.end_s + rng.uniform(1.0, 5.0), "lullaby", cry.snr_db - _OVERLAP_SNR_DB)


def _plan_fan(shares, rng):
    """A fan through the middle shares, so that it never starts or stops during a cry."""
    if len(shares) < 2:
        return []
    first = max(1, len(shares) // 3)
    last = min(len(shares), first + (len(shares) + 1) // 2) - 1
    return [_Planned(shares[first][0], shares[last][1], "fan", rng.uniform(*SNR_DB["fan"]))]


def _plan_others(taken, duration_s, rng):
    """Household sounds one after the other, in turn, wherever the cries leave room."""
    taken = sorted(taken) + [_Planned(duration_s, duration_s, "", 0.0)]
    kinds = list(rng.permutation(sorted(_OTHERS)))
    plan, free_s = [], 0.0
    for busy in taken:
        while True:
            kind = str(kinds[len(plan) % len(kinds)])
            begin_s = free_s + rng.uniform(*_QUIET_S)
            end_s = begin_s + rng.uniform(*_OTHERS[kind][1])
            if end_s + _CLEARANCE_S > busy.start_s:
                break
            plan.append(_Planned(begin_s, end_s, kind, rng.uniform(*SNR_DB[kind])))
            free_s = end_s
        free_s = max(free_s, busy.end_s)
    return plan


def _on_grid(planned):
    """The same sound with its times on the 10-ms grid, so that they name samples and pitch frames exactly."""
    return planned._replace(start_s=round(planned.start_s, 2), end_s=round(planned.end_s, 2))


def _mix(samples, background, planned, rng):
    """Add one planned sound to `samples` in place, at its SNR over `background`: its Segment."""
    planned = _on_grid(planned)
    begin, end = n_samples(planned.start_s), n_samples(planned.end_s)
    duration_s = round(planned.end_s - planned.start_s, 2)
    f0_hz = None
    if planned.kind == "cry":
        cry = infant_cry(duration_s, rng)
        sound, f0_hz = cry.samples, cry.f0_hz
    elif planned.kind == "fan":
        sound = fan(duration_s, rng)
    else:
        sound = _OTHERS[planned.kind][0](duration_s, rng)
    floor_dbfs = dbfs(background[begin:end])
    level_dbfs = min(floor_dbfs + planned.snr_db, LOUDEST_DBFS)
    samples[begin:end] += to_level(in_room(sound, rng), level_dbfs)
    snr_db = level_dbfs - floor_dbfs
    return Segment(planned.start_s, planned.end_s, planned.kind, snr_db, level_dbfs, f0_hz)
