"""Detection, event level: an hour per fold with every other sound that its model never heard, cries at 0, 5, 10 dB.

    python -m benchmarks.detection_nights --data DIR

Each fold's thresholds are chosen on the nights of the other three folds (each heard by its own model), never on its
own; what ships gets those chosen on all four. An event is false when it overlaps no cry; a cry is found when an event
overlaps it.
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
OPEN_THRESHOLDS = (0.70, 0.75, 0.80, 0.84, 0.88, 0.90, 0.92, 0.94, 0.96, 0.98)
LASTING_THRESHOLDS = (0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
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


def decision(open_threshold: float, lasting_threshold: float) -> dict[str, float]:
    """The bundle's decision. What is a cry when it lasts is also what keeps an episode open."""
    return {
        "open_threshold": open_threshold,
        "close_threshold": lasting_threshold,
        "lasting_threshold": lasting_threshold,
    }


def settings_with(**decided: float):
    """Default settings with this decision."""
    settings = load_settings(None)
    return settings._replace(decision=settings.decision._replace(**decided))


def frame_probabilities(bundle, night: Night) -> list[tuple[float, float]]:
    """(end of frame, unsmoothed probability) of every frame of a night."""
    records = Pipeline(bundle, settings_with(smoothing_frames=1)).push(night.samples)
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


def every_choice(bundle, night: Night, hours: float) -> dict[tuple[float, float], Heard]:
    """What a tuning night comes to under every pair of open and lasting thresholds."""
    frames = frame_probabilities(bundle, night)
    pairs = [(opens, lasting) for opens in OPEN_THRESHOLDS for lasting in LASTING_THRESHOLDS if lasting < opens]
    return {
        pair: compare(retrack(bundle, frames, settings_with(**decision(*pair))), night.cries, hours) for pair in pairs
    }


def choose(tuned: Sequence[dict[tuple[float, float], Heard]]) -> dict[str, float]:
    """The decision that finds most cries with at most ALLOWED_PER_HOUR false alarms; of equals the quickest."""

    def merit(pair: tuple[float, float]) -> tuple[float, float, float]:
        heard = [choices[pair] for choices in tuned]
        excess = sum(h.false_alarms for h in heard) / sum(h.hours for h in heard) - ALLOWED_PER_HOUR
        delays_s = [d for h in heard for d in h.delays_s]
        return -max(0.0, excess), sum(sum(h.found) for h in heard), -float(np.median(delays_s)) if delays_s else -1e9

    return decision(*max(tuned[0], key=merit))


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
        tuning[fold] = every_choice(bundles[fold], nights[fold, TUNING_SNR_DB], arguments.hours)
    chosen = {f: choose([tuning[o] for o in FOLDS if o != f]) for f in FOLDS}
    shipped = choose([tuning[f] for f in FOLDS])
    rows = {}
    for snr_db in SNRS_DB:
        heard = []
        for fold in FOLDS:
            night = nights[fold, snr_db]
            pipeline = Pipeline(bundles[fold], settings_with(**chosen[fold]))
            records = pipeline.push(night.samples) + pipeline.finish()
            heard.append(compare(records, night.cries, len(night.samples) / SAMPLE_RATE / 3600))
        rows[f"{snr_db} dB"] = pooled(heard, arguments.seed)
    result = {"seed": arguments.seed, "decision": shipped, "decision_of_fold": chosen, "rows": rows}
    record("detection_nights", result, table(rows, chosen, shipped))


def table(rows: dict, chosen: dict[int, dict[str, float]], shipped: dict[str, float]) -> str:
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
    pairs = [f"fold {fold}: {d['open_threshold']:.2f} / {d['lasting_threshold']:.2f}" for fold, d in chosen.items()]
    pairs.append(f"shipped: {shipped['open_threshold']:.2f} / {shipped['lasting_threshold']:.2f}")
    return "\n".join([*lines, "", f"Open / lasting thresholds, chosen on the other folds: {', '.join(pairs)}."])


if __name__ == "__main__":
    main()
