"""What each of several thresholds would have cost and brought on the marked nights of a home."""

import math
from typing import List, NamedTuple, Optional

from edge.bundle.model import Decision, Thresholds
from edge.decision.rules import bundle_thresholds, episode_rules
from edge.store.rows import CRY
from edge.tuning.nights import REACH_S, Night, Nights
from edge.tuning.replay import Episode, replay

LEAST_NIGHTS, LEAST_CRIES = 3, 10  # fewer decide nothing
STEPS = [0.25 * step for step in range(-6, 7)]  # in logits: every threshold is moved by as much
CONFIDENCE = 0.95


class Choice(NamedTuple):
    """One set of thresholds, and what came of it."""

    thresholds: Thresholds
    is_now: bool  # these are in force
    nights: int
    false_alarms: int  # in sounds that are marked as something else
    unheard_of: int  # alerts for what no event is there, so that nobody could say what it was
    cries: int
    found: int  # of them
    delays_s: List[float]  # from the beginning of a cry that was found to the alert, ascending

    @property
    def alarms_a_night(self) -> float:
        """False alarms, with those that nobody could mark."""
        return (self.false_alarms + self.unheard_of) / float(self.nights)

    @property
    def alarms_at_most(self) -> float:
        """Above this they lie in one of twenty homes with as many nights (Poisson, one-sided)."""
        from scipy.special import gammaincinv  # here, as it takes long to load

        return float(gammaincinv(self.false_alarms + self.unheard_of + 1, CONFIDENCE)) / self.nights

    def delay_s(self, share: float) -> Optional[float]:
        """In so many of the cries that were found the alert came sooner; None without one."""
        return self.delays_s[min(len(self.delays_s) - 1, int(share * len(self.delays_s)))] if self.delays_s else None


def trade_of(nights: List[Night], decision, own, settings) -> List[Choice]:
    """A Choice for each of the thresholds around the bundle's own, and for those in force, the lowest first.

    decision, own: edge.bundle.model.Decision in force, and the bundle's own. settings: [decision].
    """
    now = thresholds_in_force(decision, settings)
    around = bundle_thresholds(own, settings.sensitivity)
    candidates = {moved(around, step) for step in STEPS} | {now}
    return [judged(nights, each, each == now, settings) for each in sorted(candidates, key=lambda each: each[:2])]


def thresholds_in_force(decision, settings) -> Thresholds:
    """What is decided by now."""
    rules = episode_rules(decision, settings)
    return Thresholds(rules.open_threshold, rules.close_threshold, rules.lasting_threshold)


def moved(thresholds: Thresholds, logits: float) -> Thresholds:
    """Thresholds that are all so much harder to reach; a lasting one that is never reached stays so."""
    lasting = thresholds.lasting_threshold
    return Thresholds(
        _moved(thresholds.open_threshold, logits),
        _moved(thresholds.close_threshold, logits),
        1.0 if not lasting or lasting >= 1.0 else _moved(lasting, logits),
    )


def judged(nights: List[Night], thresholds: Thresholds, is_now: bool, settings) -> Choice:
    """What these thresholds would have come to."""
    rules = episode_rules(
        Decision(thresholds, {}), settings._replace(open_threshold=0.0, close_threshold=0.0, lasting_threshold=0.0)
    )
    false_alarms = unheard_of = cries = 0
    delays_s = []  # type: List[float]
    for night in nights:
        episodes = replay(night.traces, rules)
        for event in night.events:
            if event.mark == CRY:
                cries += 1
                alerts = [episode.alert_utc for episode in episodes if overlap(episode, event)]
                delays_s += [max(0.0, min(alerts) - event.start_utc)] if alerts else []
        for episode in episodes:
            of = [event.mark for event in night.events if overlap(episode, event)]
            unheard_of += not of
            false_alarms += bool(of) and CRY not in of
    return Choice(thresholds, is_now, len(nights), false_alarms, unheard_of, cries, len(delays_s), sorted(delays_s))


def overlap(episode: Episode, event) -> bool:
    """Whether an alert is for that event."""
    return episode.start_utc <= event.end_utc + REACH_S and episode.end_utc >= event.start_utc - REACH_S


def too_little(nights: Nights) -> str:
    """Why nothing can be decided by these nights, in words; empty when something can."""
    cries = sum(event.mark == CRY for night in nights.counted for event in night.events)
    if len(nights.counted) >= LEAST_NIGHTS and cries >= LEAST_CRIES:
        return ""
    return "too little to decide: {} of {} nights in which every event is marked, {} of {} cries in them".format(
        len(nights.counted), LEAST_NIGHTS, cries, LEAST_CRIES
    )


def best(choices: List[Choice], most_alarms_a_night: float) -> Optional[Choice]:
    """Of those with so few false alarms: finds most cries, then tells soonest, then is hardest to reach."""
    allowed = [choice for choice in choices if choice.alarms_a_night <= most_alarms_a_night]
    return max(allowed, key=_worth) if allowed else None


def as_object(choice: Choice) -> dict:
    """For JSON."""
    return {
        "open_threshold": choice.thresholds.open_threshold,
        "close_threshold": choice.thresholds.close_threshold,
        "lasting_threshold": choice.thresholds.lasting_threshold,
        "in_force": choice.is_now,
        "false_alarms": choice.false_alarms,
        "alerts_without_an_event": choice.unheard_of,
        "alarms_a_night": choice.alarms_a_night,
        "alarms_a_night_at_most": choice.alarms_at_most,
        "cries": choice.cries,
        "cries_found": choice.found,
        "median_delay_s": choice.delay_s(0.5),
        "slow_delay_s": choice.delay_s(0.9),
    }


def _worth(choice):
    delay_s = choice.delay_s(0.5)
    return choice.found, -(math.inf if delay_s is None else delay_s), choice.thresholds.open_threshold


def _moved(threshold, logits):
    if not 0.0 < threshold < 1.0:
        return threshold
    return round(1.0 / (1.0 + math.exp(-math.log(threshold / (1.0 - threshold)) - logits)), 3)
