"""Detection, event level: an hour per fold with every other sound that its model never heard, cries at 0, 5, 10 dB.

    python -m benchmarks.detection_nights --data DIR

Each fold's thresholds are chosen on the nights of the other three folds (each heard by its own model), never on its
own. An event is false when it overlaps no cry; a cry is found when an event overlaps it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.nights import Cry, Night, mix_night
from benchmarks.record import FOLD_BUNDLES, record
from benchmarks.statistics import poisson_rate, share_by_group
from edge.bundle import load_bundle
from edge.config import load_settings
from edge.decision.episodes import EpisodeTracker
from edge.dsp.log_mel import FRAME_HOP_S, SAMPLE_RATE
from edge.pipeline import FRAME_S, Pipeline, episode_rules
from edge.records import Alert, Event, Frame
from training.corpora import read_corpora, split_by_fold

FOLDS = (1, 2, 3, 4)
SNRS_DB = (0, 5, 10)
TUNING_SNR_DB = 10  # thresholds are chosen at this SNR
OPEN_THRESHOLDS = np.round(np.arange(0.30, 0.96, 0.05), 2)
CLOSE_TO_OPEN = 2 / 3  # close threshold as a share of the open one: .4 to .6 (METHODS 1.5)
ALLOWED_PER_HOUR = 0.75  # false alarms on the tuning nights
OVERLAP_MARGIN_S = 1.0


@dataclass(frozen=True)
class Heard:
    """What a model made of a night: per cry found or not and the alert's delay in s; false events; hours."""

    found: list[bool]
    delays_s: list[float]
    groups: list[str]
    false_alarms: int
    hours: float


def thresholds(open_threshold: float):
    """Default settings with this hysteresis."""
    settings = load_settings(None)
    decision = settings.decision._replace(
        open_threshold=float(open_threshold), close_threshold=float(open_threshold * CLOSE_TO_OPEN)
    )
    return settings._replace(decision=decision)


def frame_probabilities(bundle, night: Night) -> list[tuple[float, float]]:
    """(end of frame, unsmoothed probability) of every frame of a night."""
    settings = load_settings(None)
    unsmoothed = settings._replace(decision=settings.decision._replace(smoothing_frames=1))
    records = Pipeline(bundle, unsmoothed).push(night.samples)
    return [(r.t_s, r.cry_probability) for r in records if isinstance(r, Frame)]


def retrack(bundle, frames: Sequence[tuple[float, float]], settings) -> list:
    """Alerts and events of stored frame probabilities under other thresholds."""
    tracker = EpisodeTracker(episode_rules(bundle.detector, settings.decision), FRAME_HOP_S, FRAME_S)
    records: list = []
    for t_s, probability in frames:
        records += tracker.update(t_s, probability)
    return records + tracker.finish()


def compare(records: Sequence, cries: Sequence[Cry], hours: float) -> Heard:
    """Match events and alerts with the truth."""
    events = [r for r in records if isinstance(r, Event)]
    alerts = np.array([r.t_s for r in records if isinstance(r, Alert)])
    found, delays_s = [], []
    for cry in cries:
        found.append(any(overlap(event, cry) for event in events))
        inside = alerts[(alerts >= cry.start_s) & (alerts <= cry.end_s + OVERLAP_MARGIN_S)]
        if len(inside):
            delays_s.append(float(inside[0] - cry.start_s))
    false_alarms = sum(not any(overlap(event, cry) for cry in cries) for event in events)
    return Heard(found, delays_s, [cry.group_id for cry in cries], false_alarms, hours)


def overlap(event: Event, cry: Cry) -> bool:
    """Whether an event touches a cry, give or take OVERLAP_MARGIN_S."""
    return event.start_s < cry.end_s + OVERLAP_MARGIN_S and event.end_s > cry.start_s - OVERLAP_MARGIN_S


def choose_threshold(others: Sequence[tuple], nights_hours: float) -> float:
    """The lowest open threshold with at most ALLOWED_PER_HOUR false alarms on the other folds' tuning nights."""
    for open_threshold in OPEN_THRESHOLDS:
        heard = [compare(retrack(b, f, thresholds(open_threshold)), n.cries, nights_hours) for b, f, n in others]
        if sum(h.false_alarms for h in heard) <= ALLOWED_PER_HOUR * sum(h.hours for h in heard):
            return float(open_threshold)
    return float(OPEN_THRESHOLDS[-1])


def pooled(heard: Sequence[Heard], seed: int) -> dict:
    """The row of one SNR over the folds."""
    found = np.array([f for h in heard for f in h.found])
    groups = [g for h in heard for g in h.groups]
    delays_s = np.array([d for h in heard for d in h.delays_s])
    false_alarms, hours = sum(h.false_alarms for h in heard), sum(h.hours for h in heard)
    return {
        "cries": len(found),
        "found": share_by_group(found, groups, seed),
        "false_alarms": false_alarms,
        "hours": hours,
        "false_alarms_per_hour": poisson_rate(false_alarms, hours),
        "delay_p50_s": float(np.median(delays_s)),
        "delay_p90_s": float(np.percentile(delays_s, 90)),
    }


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--hours", type=float, default=1.0, help="per fold and SNR (default 1)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    clips = read_corpora(arguments.data)
    nights, bundles, tuning = {}, {}, {}
    for fold in tqdm(FOLDS, desc="mixing and tuning"):
        _, held_out = split_by_fold(clips, fold)
        bundles[fold] = load_bundle(FOLD_BUNDLES / f"fold{fold}")
        for snr_db in SNRS_DB:
            nights[fold, snr_db] = mix_night(held_out, arguments.hours * 3600, snr_db, arguments.seed + fold)
        tuning_night = nights[fold, TUNING_SNR_DB]
        tuning[fold] = (bundles[fold], frame_probabilities(bundles[fold], tuning_night), tuning_night)
    chosen = {f: choose_threshold([tuning[o] for o in FOLDS if o != f], arguments.hours) for f in FOLDS}
    chosen["all"] = choose_threshold([tuning[f] for f in FOLDS], arguments.hours)
    rows = {}
    for snr_db in SNRS_DB:
        heard = []
        for fold in FOLDS:
            night = nights[fold, snr_db]
            pipeline = Pipeline(bundles[fold], thresholds(chosen[fold]))
            records = pipeline.push(night.samples) + pipeline.finish()
            heard.append(compare(records, night.cries, len(night.samples) / SAMPLE_RATE / 3600))
        rows[f"{snr_db} dB"] = pooled(heard, arguments.seed)
    record("detection_nights", {"seed": arguments.seed, "open_thresholds": chosen, "rows": rows}, table(rows, chosen))


def table(rows: dict, chosen: dict) -> str:
    """Markdown."""
    lines = [
        "| cries at | found | 95 % | false alarms per hour | 95 % | alert after, median / 90 % |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        share, low, high = row["found"]
        rate, rate_low, rate_high = row["false_alarms_per_hour"]
        lines.append(
            f"| {name} | {share:.1%} of {row['cries']} | {low:.1%} - {high:.1%} "
            f"| {rate:.2f} ({row['false_alarms']} in {row['hours']:.1f} h) | {rate_low:.2f} - {rate_high:.2f} "
            f"| {row['delay_p50_s']:.1f} s / {row['delay_p90_s']:.1f} s |"
        )
    by_fold = ", ".join(f"fold {fold}: {value:.2f}" for fold, value in chosen.items() if fold != "all")
    return "\n".join([*lines, "", f"Open thresholds: {by_fold}; over all folds {chosen['all']:.2f}."])


if __name__ == "__main__":
    main()
