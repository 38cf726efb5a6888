"""Detection, event level: an hour per fold with every other sound that its model never heard, cries at 0, 5, 10 dB.

    python -m benchmarks.detection.detection_nights --data DIR [--yamnet FILE]

Each fold's thresholds are chosen on the nights of the other three folds (each heard by its own model), never on its
own; what ships gets those chosen on all four. They are those under which a cry waits least for its alert (a missed one
its whole length) at an allowed rate of false alarms. An event is false when it overlaps no cry; a cry is found when an
event overlaps it. YAMNet's "Baby cry" score goes through the same rules.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks.lib.nights import EPISODE_S, Cry, Night, mix_night
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import poisson_rate, share_by_group
from benchmarks.lib.yamnet import BABY_CRY, WINDOW, Yamnet
from edge.bundle import load_bundle
from edge.bundle.model import Decision, Thresholds
from edge.config import load_settings
from edge.decision.episodes import EpisodeTracker
from edge.decision.rules import episode_rules
from edge.frames import FRAME_HOP, FRAME_HOP_S, FRAME_LENGTH, FRAME_S, SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Alert, Event, Frame
from training.data.corpora import read_corpora, split_by_fold

FOLDS = (1, 2, 3, 4)
SNRS_DB = (0, 5, 10)
TUNING_SNR_DB = 10  # thresholds are chosen at this SNR
OPEN_THRESHOLDS = (0.20, 0.40, 0.60, 0.70, 0.80, 0.85, 0.90, 0.92, 0.94, 0.96, 0.98)
LASTING_THRESHOLDS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.55, 0.60)
ALLOWED_PER_HOUR = 0.5  # false alarms on the tuning nights
FRONTIER_PER_HOUR = (0.25, 0.5, 1.0, 2.0, 4.0)
OVERLAP_MARGIN_S = 1.0


@dataclass(frozen=True)
class Heard:
    """What a model made of a night: per cry found or not, the alert's delay, the event's start less the true one."""

    found: list[bool]
    delays_s: list[float]
    start_errors_s: list[float]
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


def yamnet_scores(yamnet: Yamnet, night: Night) -> list[tuple[float, float]]:
    """(end of frame, "Baby cry" score) on the grid of our frames, each over the window that ends with the frame."""
    ends = range(FRAME_LENGTH, len(night.samples) + 1, FRAME_HOP)
    return [(end / SAMPLE_RATE, float(yamnet.scores(night.samples[end - WINDOW : end])[BABY_CRY])) for end in ends]


def retrack(frames: Sequence[tuple[float, float]], decided: dict[str, float]) -> list:
    """Alerts and events of stored frame probabilities under a decision."""
    rules = episode_rules(Decision(Thresholds(**decided), {}), load_settings(None).decision)
    tracker = EpisodeTracker(rules, FRAME_HOP_S, FRAME_S)
    records: list = []
    for t_s, probability in frames:
        records += tracker.update(t_s, probability)
    return records + tracker.finish()


def compare(records: Sequence, cries: Sequence[Cry], hours: float) -> Heard:
    """Match events and alerts with the truth."""
    events = [r for r in records if isinstance(r, Event)]
    alerts = np.array([r.t_s for r in records if isinstance(r, Alert)])
    found, delays_s, start_errors_s = [], [], []
    for cry in cries:
        of_cry = [event for event in events if overlap(event, cry)]
        found.append(bool(of_cry))
        start_errors_s += [event.start_s - cry.start_s for event in of_cry[:1]]
        inside = alerts[(alerts >= cry.start_s) & (alerts <= cry.end_s + OVERLAP_MARGIN_S)]
        if len(inside):
            delays_s.append(float(inside[0] - cry.start_s))
    false_alarms = sum(not any(overlap(event, cry) for cry in cries) for event in events)
    return Heard(found, delays_s, start_errors_s, [cry.group_id for cry in cries], false_alarms, hours)


def overlap(event: Event, cry: Cry) -> bool:
    """Whether an event touches a cry, give or take OVERLAP_MARGIN_S."""
    return event.start_s < cry.end_s + OVERLAP_MARGIN_S and event.end_s > cry.start_s - OVERLAP_MARGIN_S


Pair = tuple[float, float]


def every_choice(frames: Sequence[tuple[float, float]], night: Night, hours: float) -> dict[Pair, Heard]:
    """What a tuning night comes to under every pair of open and lasting thresholds."""
    pairs = [(opens, lasting) for opens in OPEN_THRESHOLDS for lasting in LASTING_THRESHOLDS if lasting < opens]
    return {pair: compare(retrack(frames, decision(*pair)), night.cries, hours) for pair in pairs}


def choose(tuned: Sequence[dict[Pair, Heard]], allowed_per_hour: float = ALLOWED_PER_HOUR) -> Pair:
    """The thresholds with the shortest wait for an alert at that rate of false alarms, or with the lowest rate."""

    def demerit(pair: Pair) -> tuple[float, float]:
        heard = [choices[pair] for choices in tuned]
        per_hour = sum(h.false_alarms for h in heard) / sum(h.hours for h in heard)
        missed = sum(len(h.found) - len(h.delays_s) for h in heard)
        return max(0.0, per_hour - allowed_per_hour), sum(sum(h.delays_s) for h in heard) + EPISODE_S * missed

    return min(tuned[0], key=demerit)


def pooled(heard: Sequence[Heard], seed: int) -> dict:
    """The row of one SNR over the folds."""
    found = np.array([f for h in heard for f in h.found])
    groups = [g for h in heard for g in h.groups]
    delays_s = np.array([d for h in heard for d in h.delays_s])
    start_errors_s = np.array([s for h in heard for s in h.start_errors_s])
    false_alarms, hours = sum(h.false_alarms for h in heard), sum(h.hours for h in heard)
    return {
        "cries": len(found),
        "found": share_by_group(found, groups, seed),
        "false_alarms": false_alarms,
        "hours": hours,
        "false_alarms_per_hour": poisson_rate(false_alarms, hours),
        "delay_p50_s": float(np.median(delays_s)),
        "delay_p90_s": float(np.percentile(delays_s, 90)),
        "start_within_half_second": float(np.mean(np.abs(start_errors_s) <= 0.5)),
    }


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--yamnet", type=Path, help="yamnet.tflite, to stand beside")
    parser.add_argument("--hours", type=float, default=1.0, help="per fold and SNR (default 1)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    clips = read_corpora(arguments.data)
    yamnet = Yamnet(arguments.yamnet) if arguments.yamnet else None
    nights, bundles, tuning, yamnet_tuning = {}, {}, {}, {}
    for fold in tqdm(FOLDS, desc="mixing and tuning"):
        _, held_out = split_by_fold(clips, fold)
        bundles[fold] = load_bundle(FOLD_BUNDLES / f"fold{fold}")
        for snr_db in SNRS_DB:
            nights[fold, snr_db] = mix_night(held_out, arguments.hours * 3600, snr_db, arguments.seed + fold)
        night = nights[fold, TUNING_SNR_DB]
        tuning[fold] = every_choice(frame_probabilities(bundles[fold], night), night, arguments.hours)
        if yamnet:
            yamnet_tuning[fold] = every_choice(yamnet_scores(yamnet, night), night, arguments.hours)
    chosen = {f: choose([tuning[o] for o in FOLDS if o != f]) for f in FOLDS}
    shipped = decision(*choose([tuning[f] for f in FOLDS]))
    rows = {}
    for snr_db in SNRS_DB:
        heard = []
        for fold in FOLDS:
            night = nights[fold, snr_db]
            pipeline = Pipeline(bundles[fold], settings_with(**decision(*chosen[fold])))
            records = pipeline.push(night.samples) + pipeline.finish()
            heard.append(compare(records, night.cries, len(night.samples) / SAMPLE_RATE / 3600))
        rows[f"{snr_db} dB"] = pooled(heard, arguments.seed)
    if yamnet:
        theirs = {f: choose([yamnet_tuning[o] for o in FOLDS if o != f]) for f in FOLDS}
        rows[f"{TUNING_SNR_DB} dB, YAMNet"] = pooled([yamnet_tuning[f][theirs[f]] for f in FOLDS], arguments.seed)
    frontier = {}
    for allowed in FRONTIER_PER_HOUR:
        pair = choose(list(tuning.values()), allowed)
        frontier[str(allowed)] = {"pair": pair, **pooled([tuning[f][pair] for f in FOLDS], arguments.seed)}
    result = {"seed": arguments.seed, "decision": shipped, "pairs": chosen, "rows": rows, "frontier": frontier}
    record("detection_nights", result, table(rows) + "\n\n" + choices_table(chosen, shipped, frontier))


def table(rows: dict) -> str:
    """Markdown."""
    lines = [
        "| cries at | found | 95 % | false alarms per hour | 95 % | alert after, median / 90 % | start within 0.5 s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        share, low, high = row["found"]
        rate, rate_low, rate_high = row["false_alarms_per_hour"]
        lines.append(
            f"| {name} | {share:.1%} of {row['cries']} | {low:.1%} - {high:.1%} "
            f"| {rate:.2f} ({row['false_alarms']} in {row['hours']:.1f} h) | {rate_low:.2f} - {rate_high:.2f} "
            f"| {row['delay_p50_s']:.1f} s / {row['delay_p90_s']:.1f} s | {row['start_within_half_second']:.0%} |"
        )
    return "\n".join(lines)


def choices_table(chosen: dict[int, Pair], shipped: dict[str, float], frontier: dict) -> str:
    """Markdown: which thresholds were chosen, and what others would have been on the nights they are chosen on."""
    pairs = [f"fold {fold}: {opens:.2f} / {lasting:.2f}" for fold, (opens, lasting) in chosen.items()]
    pairs.append(f"what ships: {shipped['open_threshold']:.2f} / {shipped['lasting_threshold']:.2f}")
    lines = [
        f"Open / lasting thresholds, chosen on the other folds: {', '.join(pairs)}.",
        "",
        "| allowed false alarms per hour | open / lasting | found | false alarms | alert after, median |",
        "|---|---|---|---|---|",
    ]
    for allowed, row in frontier.items():
        lines.append(
            f"| {allowed} | {row['pair'][0]:.2f} / {row['pair'][1]:.2f} | {row['found'][0]:.1%} "
            f"| {row['false_alarms']} in {row['hours']:.1f} h | {row['delay_p50_s']:.1f} s |"
        )
    return "\n".join([*lines, "", "This second table is at 10 dB on the very nights the thresholds are chosen on."])


if __name__ == "__main__":
    main()
