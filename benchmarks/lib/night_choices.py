"""What every choice of thresholds makes of nights, and the choice for an allowed rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from edge.config import load_settings
from edge.decision.episodes import EpisodeRules, EpisodeTracker
from edge.frames import FRAME_HOP_S, FRAME_S
from edge.records import Alert, Event
from training.data.nights import Cry, Kind

OVERLAP_MARGIN_S = 1.0
SILENCE_FRAMES = 80  # 16 s: longer than any rule remembers
ROUNDING = 1e-9
Pair = tuple[float, float]  # open threshold, lasting threshold


@dataclass(frozen=True)
class HeardCry:
    """One cry under one choice: whether an event covers some of it, and seconds to the alert, None without one."""

    found: bool
    delay_s: float | None
    group_id: str


@dataclass
class OthersNight:
    """A night without cries: which source and fold its sounds are of, and p(cry) of its frames before smoothing."""

    source: str
    fold: int
    probability: np.ndarray
    known: dict[Pair, int] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        return len(self.probability) * FRAME_HOP_S / 3600

    def alerts(self, pair: Pair) -> int:
        """All that there are under a choice are false."""
        if pair not in self.known:
            self.known[pair] = sum(isinstance(record, Alert) for record in follow(self.probability, pair))
        return self.known[pair]


@dataclass
class CryNight:
    """A night with cries, and p(cry) of its frames before smoothing."""

    fold: int
    kind: Kind
    snr_db: float
    truth: Sequence[Cry]
    probability: np.ndarray
    known: dict[Pair, list[HeardCry]] = field(default_factory=dict)

    def cries(self, pair: Pair) -> list[HeardCry]:
        """What is heard of each cry under a choice."""
        if pair not in self.known:
            self.known[pair] = hear_cries(follow(self.probability, pair), self.truth)
        return self.known[pair]


def decision(pair: Pair) -> dict[str, float]:
    """A bundle's thresholds. What is a cry when it lasts is also what keeps an episode open."""
    opens, lasting = pair
    return {"open_threshold": opens, "close_threshold": lasting, "lasting_threshold": lasting}


def follow(probability: np.ndarray, pair: Pair) -> list:
    """Alerts and events of frame probabilities, by the device's own rules; where nothing can open is passed over."""
    rules = rules_of(pair)
    records: list = []
    for first, end in spans(probability, rules):
        tracker = EpisodeTracker(rules, FRAME_HOP_S, FRAME_S)
        for number in range(first, end):
            records += tracker.update(FRAME_S + number * FRAME_HOP_S, float(probability[number]))
        records += tracker.finish()
    return records


def rules_of(pair: Pair) -> EpisodeRules:
    """The device's, with these thresholds."""
    settings = load_settings(None).decision
    opens, lasting = pair
    return EpisodeRules(
        open_threshold=opens,
        close_threshold=lasting,
        lasting_threshold=lasting,
        lasting_frames=int(round(settings.lasting_s / FRAME_HOP_S)),
        min_event_s=settings.min_event_s,
        merge_gap_s=settings.merge_gap_s,
        smoothing_frames=settings.smoothing_frames,
    )


def spans(probability: np.ndarray, rules: EpisodeRules) -> list[tuple[int, int]]:
    """First and end of what is tracked at once: around every frame that may open an episode or hold it open."""
    sure = running_mean(probability, rules.smoothing_frames) >= rules.open_threshold - ROUNDING
    lasts = running_mean(probability, rules.lasting_frames) >= rules.lasting_threshold - ROUNDING
    opens = np.flatnonzero(sure | lasts)
    if not len(opens):
        return []
    holds = running_mean(probability, rules.smoothing_frames) >= rules.close_threshold - ROUNDING
    loud = np.union1d(opens, np.flatnonzero(holds))
    breaks = np.flatnonzero(np.diff(loud) > SILENCE_FRAMES)
    firsts, ends_ = np.concatenate([loud[:1], loud[breaks + 1]]), np.concatenate([loud[breaks], loud[-1:]])
    may_open = np.searchsorted(opens, firsts) < np.searchsorted(opens, ends_, side="right")
    begins = np.maximum(0, firsts[may_open] - SILENCE_FRAMES // 2)
    ends = np.minimum(ends_[may_open] + SILENCE_FRAMES // 2, len(probability))
    return [(int(first), int(end)) for first, end in zip(begins, ends, strict=True)]


def running_mean(values: np.ndarray, length: int) -> np.ndarray:
    """The mean of the newest `length` values at each, zeros before the first; (n,)."""
    total = np.cumsum(np.concatenate([np.zeros(length), values]))
    return (total[length:] - total[:-length]) / length


def hear_cries(records: Sequence, cries: Sequence[Cry]) -> list[HeardCry]:
    """Match events and alerts with the truth."""
    events = [record for record in records if isinstance(record, Event) and not record.brief]
    alerts = np.array([record.t_s for record in records if isinstance(record, Alert)])
    heard = []
    for cry in cries:
        inside = alerts[(alerts >= cry.start_s) & (alerts <= cry.end_s + OVERLAP_MARGIN_S)]
        delay_s = float(inside[0] - cry.start_s) if len(inside) else None
        heard.append(HeardCry(any(overlap(event, cry) for event in events), delay_s, cry.group_id))
    return heard


def overlap(event: Event, cry: Cry) -> bool:
    """Whether an event touches a cry, give or take OVERLAP_MARGIN_S."""
    return event.start_s < cry.end_s + OVERLAP_MARGIN_S and event.end_s > cry.start_s - OVERLAP_MARGIN_S


def per_hour(others: Iterable[OthersNight], pair: Pair) -> tuple[int, float]:
    """(false alarms, hours) under a choice."""
    nights = list(others)
    return sum(night.alerts(pair) for night in nights), sum(night.hours for night in nights)


def choose(
    pairs: Sequence[Pair], others: Sequence[OthersNight], nights: Sequence[CryNight], allowed_per_hour: float
) -> Pair:
    """The thresholds with the shortest wait for an alert at that rate of false alarms, or with the lowest rate.

    A cry without an alert counts as its kind's longest; every kind counts the same.
    """

    def demerit(pair: Pair) -> tuple[float, float]:
        alarms, hours = per_hour(others, pair)
        return max(0.0, alarms / hours - allowed_per_hour), mean_wait(nights, pair)

    return min(pairs, key=demerit)


def mean_wait(nights: Sequence[CryNight], pair: Pair) -> float:
    """Seconds to the alert as a share of the longest possible, over kinds of cries."""
    shares = []
    for kind in {night.kind for night in nights}:
        heard = [cry for night in nights if night.kind == kind for cry in night.cries(pair)]
        waits = [kind.longest_s if cry.delay_s is None else cry.delay_s for cry in heard]
        shares.append(float(np.mean(waits)) / kind.longest_s if waits else 0.0)
    return float(np.mean(shares))
