"""Detection, event level: nights of sounds that a fold's model never heard; cries of 3 to 6 s and of 15 s and more.

    python -m benchmarks.detection.detection_nights --data DIR [--also DIR] [--work DIR]

Each fold's thresholds are chosen on the nights of the other three folds (each heard by its own model), never on its
own; what ships gets those chosen on all four. They are those under which cries at 10 dB wait least for their alert at
an allowed rate of false alarms, one rate for each sensitivity. Nights without cries tell the false alarms: every alert
there is one. --also names further sounds (cry-train corpora import debian), which are no part of any model's training.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.lib.night_choices import CryNight, HeardCry, OthersNight, Pair, choose, decision, per_hour
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import poisson_rate, share_by_group
from training.data.corpora import FOLDS
from training.data.nights import AS_RECORDED, LONG, SINGLE, Kind
from training.verifier.context import given, in_context
from training.verifier.hearing import follow, probabilities
from training.verifier.held_out import HeldOut
from training.verifier.nights import KINDS, SNRS_DB, HeardNight, hear_nights
from training.verifier.release import fold_detectors, shipped_cascade, shipped_network

TUNING = ((LONG, 10), (SINGLE, 10), (AS_RECORDED, None))  # nights that thresholds are chosen on: kind, SNR
SENSITIVITIES = {"low": 0.1, "normal": 0.7, "high": 3.0}  # allowed false alarms an hour where they are chosen
CASCADE, CONTEXT, ALONE = MODELS = ("cascade", "with context", "detector alone")
OPEN_THRESHOLDS = {
    CASCADE: (0.60, 0.65, 0.70, 0.74, 0.78, 0.80, 0.82, 0.84, 0.86, 0.90, 0.94),
    CONTEXT: (0.25, 0.35, 0.45, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90),
    ALONE: (0.80, 0.90, 0.94, 0.96, 0.98),
}
SHOWN = ((AS_RECORDED, None), (SINGLE, 10), (LONG, 10))  # beside each sensitivity
LASTING_THRESHOLDS = {
    CASCADE: (0.20, 0.25, 0.30, 0.35, 0.40, 0.45, 0.55),
    CONTEXT: (0.08, 0.12, 0.16, 0.20, 0.25, 0.30, 0.40),
    ALONE: (0.35, 0.45, 0.60),
}


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--also", type=Path, action="append", default=[], help="folder of further sounds, no cries")
    parser.add_argument("--work", type=Path, default=Path("results/verifier"), help="what was heard of nights, kept")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    detectors, verifier = fold_detectors(FOLD_BUNDLES), shipped_network()
    nights = hear_nights(arguments.data, arguments.also, detectors, verifier, arguments.work, arguments.seed)
    held_out = HeldOut(nights, shipped_cascade(), arguments.work)
    result: dict[str, Any] = {"seed": arguments.seed}
    result |= {name: judge(judged(nights, name, held_out), arguments.seed) for name in MODELS}
    result["asked_share"] = asked_share(nights)
    result["rows"] = result[CASCADE]["rows"]
    result["decision"], result["cascade_decision"] = result[ALONE]["decision"], result[CASCADE]["decision"]
    record("detection_nights", result, tables(result))


def judged(nights: Sequence[HeardNight], name: str, held_out: HeldOut) -> Judged:
    """All nights as a model heard them that never heard their fold; nights of others also without their source."""
    if name == CONTEXT:
        by_fold, by_source = in_contexts(nights, held_out)
    else:
        cascade = shipped_cascade() if name == CASCADE else None
        by_fold = [probabilities(night.heard, cascade) for night in tqdm(nights, desc=name, mininterval=5)]
        by_source = by_fold
    return told_apart(name, nights, by_fold, by_source)


def told_apart(
    name: str, nights: Sequence[HeardNight], by_fold: Sequence[np.ndarray], by_source: Sequence[np.ndarray]
) -> Judged:
    """Nights with cries and nights of others, each with its p(cry) of each frame; name: of the model."""
    others, cries, apart = [], [], []
    for night, p, p_apart in zip(nights, by_fold, by_source, strict=True):
        if night.kind is not None:
            cries.append(CryNight(night.fold, night.kind, night.snr_db, night.cries, p))
        elif night.source is not None:
            others.append(OthersNight(night.source, night.fold, p))
            apart.append(OthersNight(night.source, night.fold, p_apart))
    return Judged(pairs(name), others, cries, apart)


def in_contexts(nights: Sequence[HeardNight], held_out: HeldOut) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """p(cry) of every night in a context that never heard its fold, and in one that never heard its source."""
    rows = [given(night.heard, shipped_cascade()) for night in nights]
    found = []
    for unheard in ([(night.fold, None) for night in nights], [(None, night.source) for night in nights]):
        p: list[np.ndarray] = [np.zeros(0)] * len(nights)
        for fold, source in sorted(set(unheard), key=str):
            if (fold, source) != (None, None):  # cries are of no source
                own = [i for i, which in enumerate(unheard) if which == (fold, source)]
                context = held_out.without(fold, source)
                for i, probability in zip(own, in_context([rows[i] for i in own], context), strict=True):
                    p[i] = probability
        found.append(p)
    return found[0], found[1]


def pairs(name: str) -> list[Pair]:
    """The thresholds that are tried."""
    return [
        (opens, lasting) for opens in OPEN_THRESHOLDS[name] for lasting in LASTING_THRESHOLDS[name] if lasting < opens
    ]


def asked_share(nights: Sequence[HeardNight]) -> float:
    """Share of the frames of the nights without cries in which the device asks the verifier."""
    quiet = [night.heard for night in nights if night.source is not None]
    asked = sum(len(follow(heard, shipped_cascade())[1]) for heard in quiet)
    return asked / sum(len(heard.detector) for heard in quiet)


@dataclass(frozen=True)
class Judged:
    """All nights as one model heard them, and the thresholds that are tried.

    apart: the nights of others once more, each heard by a model that never heard its source.
    """

    pairs: list[Pair]
    others: list[OthersNight]
    nights: list[CryNight]
    apart: list[OthersNight]

    def chosen(self, allowed: float, but_fold: int | None = None, but_source: str | None = None) -> Pair:
        """The thresholds for a rate, chosen without a fold or without a source's other sounds."""
        others = [night for night in self.others if night.fold != but_fold and night.source != but_source]
        nights = [night for night in self.nights if night.fold != but_fold and (night.kind, night.snr_db) in TUNING]
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
            "cries_found": row["cries"][label(SINGLE, 10)]["found"][0],
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
    for kind, snr_db in rows_of_cries():
        nights = [night for night in judged.nights if (night.kind, night.snr_db) == (kind, snr_db)]
        heard = [cry for night in nights for cry in night.cries(chosen[night.fold])]
        cries[label(kind, snr_db)] = cry_figures(heard, seed)
    return {
        "allowed_per_hour": allowed,
        "chosen": chosen,
        "shipped": judged.chosen(allowed),
        "false_alarms": alarms,
        "hours": hours,
        "false_alarms_per_hour": poisson_rate(alarms, hours),
        "cries": cries,
    }


def rows_of_cries() -> Iterator[tuple[Kind, int | None]]:
    """Kind and SNR of each row of cries."""
    yield AS_RECORDED, None
    for kind in KINDS:
        for snr_db in SNRS_DB:
            yield kind, snr_db


def label(kind: Kind, snr_db: int | None) -> str:
    """A row of cries."""
    return kind.name if snr_db is None else f"{snr_db} dB, {kind.name}"


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
    """False alarms among a source's sounds: neither model nor thresholds know anything of it."""
    own = [night for night in judged.apart if night.source == source]
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
    for name in MODELS:
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
        "| as recorded / single / long cries found at 10 dB | open / lasting threshold that ships |",
        "|---|---|---|---|---|---|",
    ]
    for name in MODELS:
        for sensitivity, row in result[name]["rates"].items():
            rate, low, high = row["false_alarms_per_hour"]
            shares = [row["cries"][label(kind, snr_db)]["found"][0] for kind, snr_db in SHOWN]
            lines.append(
                f"| {name}, {sensitivity} | {row['allowed_per_hour']} | {rate:.2f} ({row['false_alarms']} in "
                f"{row['hours']:.1f} h) | {low:.2f} - {high:.2f} | {' / '.join(f'{share:.1%}' for share in shares)} "
                f"| {row['shipped'][0]:.2f} / {row['shipped'][1]:.2f} |"
            )
    return "\n".join(lines)


def sources_table(result: dict[str, Any]) -> str:
    """Each source's other sounds, where neither context nor thresholds know them."""
    lines = [
        "False alarms an hour among each source's sounds, context and thresholds chosen without that source:",
        "",
        "| source | hours | " + " | ".join(f"{name}, normal" for name in MODELS) + " | cascade, low | cascade, high |",
        "|---" * (len(MODELS) + 4) + "|",
    ]
    for source, row in result[CASCADE]["sources"].items():
        cells = [result[name]["sources"][source]["normal"] for name in MODELS] + [row["low"], row["high"]]
        shown = [f"{cell['false_alarms_per_hour'][0]:.2f} ({cell['false_alarms']})" for cell in cells]
        lines.append(f"| {source} | {row['hours']:.1f} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
