"""How often the verifier is asked, and how many of its newest answers count: nights and clips under each rule.

    python -m benchmarks.detection.second_opinion_rate --data DIR [--also DIR] [--work DIR]

Nothing is fitted: the cascade that ships, thresholds of other folds, as in detection_nights. What both networks say
is that of detection_nights and left_out_sources, kept in the same folder; the verifier's answers are there for every
frame of suspicion, so that a rule needs no second hearing. Each rule stands beside an answer every 0.6 s, on the same
cries and clips.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from benchmarks.detection.detection_nights import LASTING_THRESHOLDS, OPEN_THRESHOLDS, SENSITIVITIES, label
from benchmarks.lib.night_choices import CryNight, HeardCry, OthersNight, Pair, choose, per_hour
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import RANKING_METRICS, Interval, paired_bootstrap, poisson_rate, ranking
from edge.bundle.model import Cascade
from edge.decision.second_opinion import HOPS_WHILE_HELD
from edge.frames import FRAME_HOP_S, FRAME_HOPS
from training.data.corpora import CRY, FOLDS, UNVERIFIED, Clip
from training.data.nights import AS_RECORDED, LONG, SINGLE
from training.runs.bootstrap import bootstrap_interval
from training.verifier.fusion import largest
from training.verifier.hearing import Heard, room_gate
from training.verifier.material import hear_all, material
from training.verifier.nights import HeardNight, hear_nights
from training.verifier.release import fold_detectors, shipped_cascade, shipped_network

KINDS = ((AS_RECORDED, None), (SINGLE, 10), (LONG, 10))
PAIRS = [
    (opens, lasting) for opens in OPEN_THRESHOLDS["cascade"] for lasting in LASTING_THRESHOLDS["cascade"][2::2]
    if lasting < opens
]  # fmt: skip
FEWEST = 20  # clips of a source that are worth a row


class Rule(NamedTuple):
    """Hops between answers while the detector suspects, and while that is held after it; how many answers count."""

    hops: int
    held: int
    newest: int = 1  # answers that are pooled
    pool: str = "mean"

    @property
    def name(self) -> str:
        often = f"every {self.hops * FRAME_HOP_S:.1f} s"
        often += f", then {self.held * FRAME_HOP_S:.1f} s" if self.held != self.hops else ""
        return often + ("" if self.newest == 1 else f", {self.pool} of the newest {self.newest}")


BEFORE = Rule(3, 3)  # what shipped before, which the others stand beside
SHIPPED = Rule(1, HOPS_WHILE_HELD)
RULES = (
    BEFORE,
    SHIPPED,
    Rule(1, 3),
    Rule(2, 2),
    Rule(1, 1),
    Rule(2, 2, newest=2),
    Rule(1, 1, newest=3),
    Rule(1, 1, newest=3, pool="largest"),
)


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--also", type=Path, action="append", default=[], help="folder of further sounds, no cries")
    parser.add_argument("--work", type=Path, default=Path("results/verifier"), help="what was heard, kept")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    detectors, verifier, cascade = fold_detectors(FOLD_BUNDLES), shipped_network(), shipped_cascade()
    nights = hear_nights(arguments.data, arguments.also, detectors, verifier, arguments.work, arguments.seed)
    nights = [night for night in nights if night.source is not None or (night.kind, night.snr_db) in KINDS]
    every = material([arguments.data, *arguments.also])
    heard = hear_all(every, detectors, verifier, arguments.work)
    clips = [(clip, said) for clip, said in zip(every, heard, strict=True) if clip.detector_label != UNVERIFIED]
    rows, before = {}, None
    for rule in tqdm(RULES, desc="rules"):
        found = Found.of(rule, nights, clips, cascade)
        before = before or found
        rows[rule.name] = {**found.nights(before, arguments.seed), **found.clips(before, arguments.seed)}
    record("second_opinion_rate", {"seed": arguments.seed, "shipped": SHIPPED.name, "rows": rows}, table(rows))


def followed(heard: Heard, cascade: Cascade, rule: Rule) -> tuple[np.ndarray, int]:
    """(p(cry) of every frame before smoothing, how often the verifier is asked), as hearing.follow() for any rule."""
    gate = room_gate(heard)
    listened = np.array([gate.update(level) for level in heard.levels_dbfs[FRAME_HOPS - 1 :]], bool)
    suspicious = listened & (heard.detector >= np.log(cascade.gate / (1 - cascade.gate)))
    held = int(round(cascade.hold_s / FRAME_HOP_S))
    lasts = np.convolve(suspicious, np.ones(1 + held), "full")[: len(suspicious)] > 0.5
    evidence = np.full(len(lasts), float(np.dot(cascade.weights, cascade.unasked)))
    answers, asked, last, last_asked = [], 0, -2, -len(lasts)
    for frame in np.flatnonzero(lasts).tolist():
        if frame != last + 1:
            answers = []
        last = frame
        if listened[frame] and frame >= last_asked + (rule.hops if suspicious[frame] else rule.held):
            answers.append(float(heard.verifier[frame] @ np.asarray(cascade.weights)))
            asked, last_asked = asked + 1, frame
        if answers:
            kept = answers[-rule.newest :]
            evidence[frame] = max(kept) if rule.pool == "largest" else sum(kept) / len(kept)
    logit = cascade.bias + cascade.detector_weight * heard.detector + evidence
    return listened / (1 + np.exp(-logit)), asked


class Found(NamedTuple):
    """All nights and clips under one rule."""

    others: list[OthersNight]
    cries: list[CryNight]
    asked_share: float
    about: list[Clip]
    scores: np.ndarray

    @classmethod
    def of(
        cls, rule: Rule, nights: Sequence[HeardNight], clips: Sequence[tuple[Clip, Heard]], cascade: Cascade
    ) -> Found:
        """Follow everything that was heard."""
        others, cries, asked, frames = [], [], 0, 0
        for night in nights:
            p, times = followed(night.heard, cascade, rule)
            if night.source is None:
                cries.append(CryNight(night.fold, night.kind, night.snr_db, night.cries, p))
            else:
                others.append(OthersNight(night.source, night.fold, p))
                asked, frames = asked + times, frames + len(p)
        scores = np.array([largest(followed(heard, cascade, rule)[0]) for _, heard in clips])
        return cls(others, cries, asked / frames, [clip for clip, _ in clips], scores)

    def chosen(self, allowed: float, but_fold: int | None = None, but_source: str | None = None) -> Pair:
        """Thresholds for a rate without a fold, or without a source's other sounds."""
        others = [night for night in self.others if night.fold != but_fold and night.source != but_source]
        return choose(PAIRS, others, [night for night in self.cries if night.fold != but_fold], allowed)

    def nights(self, before: Found, seed: int) -> dict[str, Any]:
        """False alarms and cries at each rate, and cries found less those of the rule before."""
        rates = {}
        for sensitivity, allowed in SENSITIVITIES.items():
            own, other = self.at_rate(allowed), before.at_rate(allowed)
            alarms, hours = own["alarms"], own["hours"]
            apart = {
                source: per_hour(
                    [night for night in self.others if night.source == source], self.chosen(allowed, but_source=source)
                )[0]
                for source in sorted({night.source for night in self.others})
            }
            cries = {name: figures(own["cries"][name], other["cries"][name], seed) for name in own["cries"]}
            rates[sensitivity] = {
                "false_alarms": alarms,
                "hours": hours,
                "false_alarms_per_hour": poisson_rate(alarms, hours),
                "false_alarms_without_each_source": apart,
                "cries": cries,
            }
        return {"asked_share": self.asked_share, "rates": rates}

    def at_rate(self, allowed: float) -> dict[str, Any]:
        """Each fold at the thresholds of the others."""
        alarms, hours, cries = 0, 0.0, {label(*kind): [] for kind in KINDS}
        for fold in FOLDS:
            pair = self.chosen(allowed, but_fold=fold)
            own = per_hour([night for night in self.others if night.fold == fold], pair)
            alarms, hours = alarms + own[0], hours + own[1]
            for night in self.cries:
                if night.fold == fold:
                    cries[label(night.kind, night.snr_db)] += night.cries(pair)
        return {"alarms": alarms, "hours": hours, "cries": cries}

    def clips(self, before: Found, seed: int) -> dict[str, Any]:
        """Ranking of all clips, its mean over sources, and the difference from the rule before."""
        is_cry = np.array([clip.detector_label == CRY for clip in self.about])
        groups = [clip.group_id for clip in self.about]
        return {
            "clips": ranking(is_cry, self.scores).tolist(),
            "clips_by_source": self.by_source(is_cry).tolist(),
            "clips_less_before": paired_bootstrap(is_cry, self.scores, before.scores, groups, seed),
        }

    def by_source(self, is_cry: np.ndarray) -> np.ndarray:
        """The mean of each metric over sources, as in left_out_sources."""
        source = np.array([clip.corpus for clip in self.about])
        rows = []
        for name in np.unique(source):
            own = source == name
            if own.sum() >= FEWEST:
                cries = own & is_cry if (own & is_cry).any() else is_cry
                others = own & ~is_cry if (own & ~is_cry).any() else ~is_cry
                rows.append(ranking(is_cry[cries | others], self.scores[cries | others]))
        return np.mean(rows, axis=0)


def figures(own: Sequence[HeardCry], earlier: Sequence[HeardCry], seed: int) -> dict[str, Any]:
    """Share alerted and delays, and how much more and sooner than under the rule before, of the same cries."""
    alerted, before = (np.array([cry.delay_s is not None for cry in heard], float) for heard in (own, earlier))
    delays_s, delays_before_s = (np.array([cry.delay_s for cry in heard], float) for heard in (own, earlier))
    groups = np.array([cry.group_id for cry in own])
    both = np.flatnonzero(alerted * before)
    return {
        "cries": len(own),
        "alerted": float(alerted.mean()),
        "gain": with_interval_of(alerted - before, groups, seed),
        "sooner_s": with_interval_of((delays_before_s - delays_s)[both], groups[both], seed),
        "delay_p50_s": float(np.nanmedian(delays_s)),
        "delay_p90_s": float(np.nanpercentile(delays_s, 90)),
    }


def with_interval_of(difference: np.ndarray, groups: np.ndarray, seed: int) -> Interval:
    """The mean of paired differences with its 95 % interval from drawing whole groups."""
    low, high = bootstrap_interval(lambda rows: difference[rows].mean(), groups, seed)
    return float(difference.mean()), float(low), float(high)


def table(rows: dict[str, Any]) -> str:
    """Markdown: each kind of cries at each rate, then clips."""
    lines = [
        "| the verifier is asked | sensitivity | false alarms an hour | thresholds without each source | cries "
        "| alerted | less every 0.6 s | after, median / 90 % | sooner than every 0.6 s |",
        "|---" * 9 + "|",
    ]
    for name, row in rows.items():
        for sensitivity, rate in row["rates"].items():
            apart = sum(rate["false_alarms_without_each_source"].values())
            alarms = f"{rate['false_alarms_per_hour'][0]:.2f} ({rate['false_alarms']}) | {apart / rate['hours']:.2f}"
            for kind, cries in rate["cries"].items():
                lines.append(f"| {name} | {sensitivity} | {alarms} | {kind} | {shown(cries)} |")
    lines += [
        "",
        "| the verifier is asked | in frames of these nights | clips: AUC | recall at 1 % FP | less every 0.6 s ",
    ]
    lines[-1] += "| mean of sources: AUC | recall at 1 % FP |"
    lines.append("|---" * 7 + "|")
    for name, row in rows.items():
        auc, recall = (RANKING_METRICS.index(metric) for metric in ("AUC", "recall at 1 % FP"))
        less = "{:+.3f} ({:+.3f} to {:+.3f})".format(*row["clips_less_before"]["recall at 1 % FP"])
        lines.append(
            f"| {name} | {row['asked_share']:.1%} | {row['clips'][auc]:.4f} | {row['clips'][recall]:.3f} | {less} "
            f"| {row['clips_by_source'][auc]:.4f} | {row['clips_by_source'][recall]:.3f} |"
        )
    return "\n".join(lines)


def shown(cries: dict[str, Any]) -> str:
    """A kind of cries as the table shows it."""
    gain = "{:+.1%} ({:+.1%} to {:+.1%})".format(*cries["gain"])
    sooner = "{:+.2f} s ({:+.2f} to {:+.2f})".format(*cries["sooner_s"])
    return f"{cries['alerted']:.1%} | {gain} | {cries['delay_p50_s']:.1f} s / {cries['delay_p90_s']:.1f} s | {sooner}"


if __name__ == "__main__":
    main()
