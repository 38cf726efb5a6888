"""Detection: the detectors that ship beside others of the same folds, alone and with the verifier.

    cry-train detector --data DIR --teacher yamnet.tflite --fold 1 --out MODELS/fold1   # and 2 to 4
    edge-export --target rpi-int8 --model MODELS/fold1 --out BUNDLES/fold1
    python -m benchmarks.detection.trained_again --data DIR --also DIR --detectors BUNDLES [--work DIR]

Each source of other sounds is judged beside the cries of all sources, as in left_out_sources; nights as in
detection_nights: thresholds of each fold chosen on the other three. Both sets have a fusion of their own.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.detection_nights import (
    ALONE,
    CASCADE,
    SENSITIVITIES,
    SHOWN,
    label,
    rate_figures,
    told_apart,
)
from benchmarks.detection.left_out_sources import FEWEST
from benchmarks.lib.record import FOLD_BUNDLES, record
from benchmarks.lib.statistics import paired_bootstrap, recall_at_false_positive_rate
from edge.bundle.model import Cascade
from training.data.corpora import CRY, UNVERIFIED, Clip
from training.verifier.fusion import clip_scores, fit
from training.verifier.hearing import Heard, Network, probabilities
from training.verifier.material import hear_all, material
from training.verifier.nights import hear_nights
from training.verifier.release import fold_detectors, shipped_network

SHIPS, AGAIN = "ships", "trained again"
MODELS = (CASCADE, ALONE)
RATE = 0.01  # of false positives
EVERY = "all sources"


def main() -> None:
    """Run both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--also", type=Path, required=True, help="folder of further sounds that are no cries")
    parser.add_argument("--detectors", type=Path, required=True, help="folder of fold1 to fold4, other bundles")
    parser.add_argument("--work", type=Path, default=Path("results/trained_again"), help="what was heard, kept")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    verifier = shipped_network()
    sets = {
        name: HeardBy(
            arguments.data, arguments.also, fold_detectors(folder), verifier, arguments.work / name, arguments.seed
        )
        for name, folder in ((SHIPS, FOLD_BUNDLES), (AGAIN, arguments.detectors))
    }
    figures = {"seed": arguments.seed, "clips": clip_figures(sets, arguments.seed), "nights": night_figures(sets)}
    record("trained_again", figures, table(figures))


class HeardBy:
    """What one set of detectors and the verifier answer on every clip and night, and the fusion fitted on it."""

    def __init__(self, data: Path, also: Path, detectors: dict[int, Network], verifier: Network, work: Path, seed: int):
        clips = material((data, also))
        heard = hear_all(clips, detectors, verifier, work)
        known = [i for i, clip in enumerate(clips) if clip.detector_label != UNVERIFIED]
        self.clips: list[Clip] = [clips[i] for i in known]
        self.heard: list[Heard] = [heard[i] for i in known]
        self.cascades: dict[str, Cascade | None] = {CASCADE: fit(clips, heard), ALONE: None}
        self.nights = hear_nights(data, [also], detectors, verifier, work, seed)
        self.seed = seed

    def clip_scores(self) -> dict[str, np.ndarray]:
        """Of every model, one score of each clip."""
        return {model: clip_scores(self.heard, cascade) for model, cascade in self.cascades.items()}

    def rates(self, model: str) -> dict[str, Any]:
        """Of one model, what each sensitivity comes to on the folds that it was not chosen on."""
        probability = [probabilities(night.heard, self.cascades[model]) for night in self.nights]
        judged = told_apart(model, self.nights, probability, probability)
        return {name: shown(rate_figures(judged, allowed, self.seed)) for name, allowed in SENSITIVITIES.items()}


def shown(rate: dict[str, Any]) -> dict[str, Any]:
    """What is kept of one sensitivity."""
    found = {label(kind, snr_db): rate["cries"][label(kind, snr_db)]["found"] for kind, snr_db in SHOWN}
    return {"false_alarms": rate["false_alarms"], "hours": rate["hours"], "found": found}


def clip_figures(sets: dict[str, HeardBy], seed: int) -> dict[str, Any]:
    """By model and source: recall at RATE of both sets, and the paired differences."""
    clips = sets[SHIPS].clips
    is_cry = np.array([clip.detector_label == CRY for clip in clips])
    source = np.array([clip.corpus for clip in clips])
    groups = [clip.group_id for clip in clips]
    scores = {name: heard.clip_scores() for name, heard in sets.items()}
    named = [str(s) for s in np.unique(source[~is_cry]) if ((source == s) & ~is_cry).sum() >= FEWEST]
    return {
        model: {
            name: compared(*(scores[one][model] for one in (SHIPS, AGAIN)), is_cry, groups, rows, seed)
            for name, rows in [(s, is_cry | (source == s)) for s in named] + [(EVERY, np.ones(len(clips), bool))]
        }
        for model in MODELS
    }


def compared(
    ships: np.ndarray, again: np.ndarray, is_cry: np.ndarray, groups: Sequence[str], rows: np.ndarray, seed: int
) -> dict[str, Any]:
    """Both sets' scores of the same clips, of those in `rows`, (clips,) bool."""
    own = np.flatnonzero(rows)
    cries, drawn = is_cry[own], [groups[i] for i in own]
    recall = {name: recall_at_false_positive_rate(cries, s[own], RATE) for name, s in ((SHIPS, ships), (AGAIN, again))}
    return {**recall, "more": paired_bootstrap(cries, again[own], ships[own], drawn, seed)}


def night_figures(sets: dict[str, HeardBy]) -> dict[str, Any]:
    """By model and set, each sensitivity."""
    return {model: {name: heard.rates(model) for name, heard in sets.items()} for model in MODELS}


def table(figures: dict[str, Any]) -> str:
    """Markdown: clips, then nights."""
    lines = [
        f"| model | others of | recall at {RATE:.0%}, ships | trained again | more | AUC, more |",
        "|---" * 6 + "|",
    ]
    for model, rows in figures["clips"].items():
        for source, row in rows.items():
            more = "{:+.3f} ({:+.3f} to {:+.3f})".format(*row["more"]["recall at 1 % FP"])
            auc = "{:+.4f} ({:+.4f} to {:+.4f})".format(*row["more"]["AUC"])
            lines.append(f"| {model} | {source} | {row[SHIPS]:.3f} | {row[AGAIN]:.3f} | {more} | {auc} |")
    heads = " / ".join(label(kind, snr_db) for kind, snr_db in SHOWN)
    lines += ["", f"| model, sensitivity | detectors | false alarms an hour | found: {heads} |", "|---" * 4 + "|"]
    for model, sets in figures["nights"].items():
        for sensitivity in SENSITIVITIES:
            for name, rates in sets.items():
                row = rates[sensitivity]
                found = " / ".join(f"{share[0]:.1%}" for share in row["found"].values())
                rate = f"{row['false_alarms'] / row['hours']:.2f} ({row['false_alarms']} in {row['hours']:.1f} h)"
                lines.append(f"| {model}, {sensitivity} | {name} | {rate} | {found} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
