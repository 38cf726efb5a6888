"""Detection, event level: nights of sounds that a fold's model never heard; cries of 3 to 6 s and of 15 s and more.

    python -m benchmarks.detection.detection_nights --data DIR [--also DIR] [--work DIR]

Each fold's thresholds are chosen on the nights of the other three folds (each heard by its own model), never on its
own; what ships gets those chosen on all four. They are those under which cries at 10 dB wait least for their alert at
an allowed rate of false alarms, one rate for each sensitivity. Nights without cries tell the false alarms: every alert
there is one. --also names further sounds (cry-train corpora import debian), which are no part of any model's training.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.lib.night_choices import CryNight, HeardCry, OthersNight, Pair, choose, decision, per_hour
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import poisson_rate, share_by_group
from edge.bundle.model import Cascade
from training.data.corpora import read_corpora, split_by_fold
from training.data.nights import LONG, SINGLE, Night, around_cries, mix_night, mix_others, others_of
from training.verifier.hearing import Heard, Network, as_asked, hear, probabilities, tflite_network
from training.verifier.material import keep, kept
from training.verifier.release import shipped_cascade, shipped_network

FOLDS = (1, 2, 3, 4)
KINDS = (LONG, SINGLE)
SNRS_DB = (10, 5, 0, -5)
TUNING_SNR_DB = 10  # thresholds are chosen at this SNR
SENSITIVITIES = {"low": 0.1, "normal": 0.5, "high": 2.0}  # allowed false alarms an hour where they are chosen
CASCADE, ALONE = "cascade", "detector alone"
OPEN_THRESHOLDS = {
    CASCADE: (0.60, 0.65, 0.70, 0.75, 0.80, 0.83, 0.86, 0.88, 0.90, 0.92, 0.94),
    ALONE: (0.80, 0.90, 0.94, 0.96, 0.98),
}
LASTING_THRESHOLDS = (0.15, 0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.50, 0.60)


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--also", type=Path, help="folder of further sounds that are no cries")
    parser.add_argument("--hours", type=float, default=1.0, help="of a night with cries (default 1)")
    parser.add_argument("--work", type=Path, default=Path("results/nights"), help="what was heard of nights, kept")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    clips = read_corpora(arguments.data)
    further = read_corpora(arguments.also) if arguments.also else []
    verifier = shipped_network()
    judged, asked = {name: Judged(pairs(name), [], []) for name in CASCADES}, 0
    for fold in tqdm(FOLDS, desc="folds"):
        _, held_out = split_by_fold(clips, fold)
        others = others_of([*held_out, *(clip for clip in further if clip.eval_fold == fold)])
        detector = tflite_network(FOLD_BUNDLES / f"fold{fold}" / "detector.int8.tflite")
        for source in sorted({clip.corpus for clip in others}):
            sounds = [clip for clip in others if clip.corpus == source]
            mix = partial(mix_others, sounds, arguments.seed + fold)
            heard = once(arguments.work / f"{source}-{fold}.npz", mix, detector, verifier)
            asked += int(np.isfinite(heard.verifier[:, 0]).sum())
            for name, p in judged_by(heard).items():
                judged[name].others.append(OthersNight(source, fold, p))
        for kind, snr_db in itertools.product(KINDS, SNRS_DB):
            night = around_cries(mix_night(held_out, arguments.hours * 3600, snr_db, arguments.seed + fold, kind))
            file = arguments.work / f"cries-{kind.per_hour}-{snr_db}dB-{fold}.npz"
            for name, p in judged_by(once(file, partial(as_it_is, night), detector, verifier)).items():
                judged[name].nights.append(CryNight(fold, kind, snr_db, night.cries, p))
    result: dict[str, Any] = {"seed": arguments.seed}
    result |= {name: judge(one, arguments.seed) for name, one in judged.items()}
    result["asked_share"] = asked / sum(len(night.probability) for night in judged[CASCADE].others)
    result["rows"] = result[CASCADE]["rows"]
    result["decision"], result["cascade_decision"] = result[ALONE]["decision"], result[CASCADE]["decision"]
    record("detection_nights", result, tables(result))


CASCADES: dict[str, Callable[[], Cascade | None]] = {CASCADE: shipped_cascade, ALONE: lambda: None}


def pairs(name: str) -> list[Pair]:
    """The thresholds that are tried."""
    return [(opens, lasting) for opens in OPEN_THRESHOLDS[name] for lasting in LASTING_THRESHOLDS if lasting < opens]


def as_it_is(night: Night) -> Night:
    """A night that is mixed already."""
    return night


def once(file: Path, mix: Callable[[], Night], detector: Network, verifier: Network) -> Heard:
    """What both networks say to a night, kept in a file: choices of thresholds need not hear it again."""
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        keep(file, [hear(mix().samples, detector, verifier, as_asked(shipped_cascade()))])
    return kept(file)[0]


def judged_by(heard: Heard) -> dict[str, np.ndarray]:
    """p(cry) of every frame of a night: of the cascade that ships, with a fold's detector, and of that alone."""
    return {name: probabilities(heard, decided()) for name, decided in CASCADES.items()}


@dataclass(frozen=True)
class Judged:
    """All nights as one model heard them, and the thresholds that are tried."""

    pairs: list[Pair]
    others: list[OthersNight]
    nights: list[CryNight]

    def chosen(self, allowed: float, but_fold: int | None = None, but_source: str | None = None) -> Pair:
        """The thresholds for a rate, chosen without a fold or without a source's other sounds."""
        others = [night for night in self.others if night.fold != but_fold and night.source != but_source]
        nights = [night for night in self.nights if night.fold != but_fold and night.snr_db == TUNING_SNR_DB]
        return choose(self.pairs, others, nights, allowed)


def judge(judged: Judged, seed: int) -> dict[str, Any]:
    """Every figure of one model."""
    by_rate = {name: rate_figures(judged, allowed, seed) for name, allowed in SENSITIVITIES.items()}
    normal = by_rate["normal"]
    decided = {name: decision(row["shipped"]) for name, row in by_rate.items()}
    measured = {
        name: {
            **decided[name],
            "false_alarms_per_hour": row["false_alarms_per_hour"][0],
            "cries_found": row["cries"][f"{TUNING_SNR_DB} dB, {SINGLE.name}"]["found"][0],
        }
        for name, row in by_rate.items()
    }
    rows = {label: {**row, **alarms_of(normal)} for label, row in normal["cries"].items()}
    sources = {source: source_figures(judged, source) for source in sorted({night.source for night in judged.others})}
    return {
        "rows": rows,
        "rates": by_rate,
        "sources": sources,
        "decision": {**decided["normal"], "sensitivities": measured},
    }


def rate_figures(judged: Judged, allowed: float, seed: int) -> dict[str, Any]:
    """What the thresholds of one rate come to on the folds that they were not chosen on."""
    chosen = {fold: judged.chosen(allowed, but_fold=fold) for fold in FOLDS}
    alarms, hours = 0, 0.0
    for fold, pair in chosen.items():
        of_fold = per_hour((night for night in judged.others if night.fold == fold), pair)
        alarms, hours = alarms + of_fold[0], hours + of_fold[1]
    cries = {}
    for kind, snr_db in itertools.product(KINDS, SNRS_DB):
        nights = [night for night in judged.nights if (night.kind, night.snr_db) == (kind, snr_db)]
        heard = [cry for night in nights for cry in night.cries(chosen[night.fold])]
        cries[f"{snr_db} dB, {kind.name}"] = cry_figures(heard, seed)
    return {
        "allowed_per_hour": allowed,
        "chosen": chosen,
        "shipped": judged.chosen(allowed),
        "false_alarms": alarms,
        "hours": hours,
        "false_alarms_per_hour": poisson_rate(alarms, hours),
        "cries": cries,
    }


def cry_figures(heard: Sequence[HeardCry], seed: int) -> dict[str, Any]:
    """Share found and delays of cries."""
    delays_s = [cry.delay_s for cry in heard if cry.delay_s is not None]
    found = np.array([cry.found for cry in heard])
    return {
        "cries": len(heard),
        "found": share_by_group(found, [cry.group_id for cry in heard], seed),
        "delay_p50_s": float(np.median(delays_s)) if delays_s else None,
        "delay_p90_s": float(np.percentile(delays_s, 90)) if delays_s else None,
    }


def source_figures(judged: Judged, source: str) -> dict[str, Any]:
    """False alarms among a source's sounds under thresholds that were chosen without them."""
    own = [night for night in judged.others if night.source == source]
    found = {}
    for name, allowed in SENSITIVITIES.items():
        alarms, hours = per_hour(own, judged.chosen(allowed, but_source=source))
        found[name] = {"false_alarms": alarms, "false_alarms_per_hour": poisson_rate(alarms, hours)}
    return {"hours": sum(night.hours for night in own), **found}


def alarms_of(rate: dict[str, Any]) -> dict[str, Any]:
    """The false alarms beside each row of cries: those of the nights without any."""
    return {key: rate[key] for key in ("false_alarms", "hours", "false_alarms_per_hour")}


def tables(result: dict[str, Any]) -> str:
    """Markdown."""
    asked = f"The verifier was asked in {result['asked_share']:.1%} of the frames of the nights without cries."
    return "\n\n".join([cries_table(result), rates_table(result), sources_table(result), asked])


def cries_table(result: dict[str, Any]) -> str:
    """Found and delay at the rate of "normal"."""
    lines = ["| model, cries at | found | 95 % | alert after, median / 90 % |", "|---|---|---|---|"]
    for name in CASCADES:
        for label, row in result[name]["rows"].items():
            share, low, high = row["found"]
            lines.append(
                f"| {name}, {label} | {share:.1%} of {row['cries']} | {low:.1%} - {high:.1%} "
                f"| {seconds(row['delay_p50_s'])} / {seconds(row['delay_p90_s'])} |"
            )
    return "\n".join(lines)


def seconds(value: float | None) -> str:
    """A delay; none where no cry raised an alert."""
    return "none" if value is None else f"{value:.1f} s"


def rates_table(result: dict[str, Any]) -> str:
    """Each sensitivity: what it was allowed, what it came to on other folds, and what ships."""
    lines = [
        "| model, sensitivity | allowed an hour | false alarms an hour, other folds | 95 % "
        f"| single / long cries found at {TUNING_SNR_DB} dB | open / lasting threshold that ships |",
        "|---|---|---|---|---|---|",
    ]
    for name in CASCADES:
        for sensitivity, row in result[name]["rates"].items():
            rate, low, high = row["false_alarms_per_hour"]
            single, long = (row["cries"][f"{TUNING_SNR_DB} dB, {kind.name}"]["found"][0] for kind in (SINGLE, LONG))
            lines.append(
                f"| {name}, {sensitivity} | {row['allowed_per_hour']} | {rate:.2f} ({row['false_alarms']} in "
                f"{row['hours']:.1f} h) | {low:.2f} - {high:.2f} | {single:.1%} / {long:.1%} "
                f"| {row['shipped'][0]:.2f} / {row['shipped'][1]:.2f} |"
            )
    return "\n".join(lines)


def sources_table(result: dict[str, Any]) -> str:
    """Each source's other sounds under thresholds that were chosen without them."""
    lines = [
        "False alarms an hour among each source's sounds, thresholds chosen without that source:",
        "",
        "| source | hours | "
        + " | ".join(f"{name}, normal" for name in CASCADES)
        + " | cascade, low | cascade, high |",
        "|---" * (len(CASCADES) + 4) + "|",
    ]
    for source, row in result[CASCADE]["sources"].items():
        cells = [result[name]["sources"][source]["normal"] for name in CASCADES] + [row["low"], row["high"]]
        shown = [f"{cell['false_alarms_per_hour'][0]:.2f} ({cell['false_alarms']})" for cell in cells]
        lines.append(f"| {source} | {row['hours']:.1f} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
