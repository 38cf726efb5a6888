"""How often the verifier is asked in a quiet night: a faint room, and a few sounds an hour that are no cries.

    python -m benchmarks.detection.quiet_night --data DIR

Each fold's sounds are heard by the detector that never heard them, through the device's own rules.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.lib.record import FOLD_BUNDLES, record
from edge.frames import FRAME_HOP_S, SAMPLE_RATE
from training.data.corpora import FOLDS, read_corpora, read_samples, split_by_fold
from training.data.nights import background, others_of
from training.verifier.hearing import as_asked, follow, hear
from training.verifier.release import fold_detectors, shipped_cascade, shipped_network

HOURS = 0.5  # of each fold
SOUNDS_PER_HOUR = 30


def main() -> None:
    """Run the whole table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of metadata.csv and the recordings")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    clips, detectors = read_corpora(arguments.data), fold_detectors(FOLD_BUNDLES)
    verifier, cascade = shipped_network(), shipped_cascade()
    rows = []
    for fold in tqdm(FOLDS, desc="folds"):
        rng = np.random.default_rng(arguments.seed + fold)
        others = others_of(split_by_fold(clips, fold)[1])
        drawn = [others[i] for i in rng.permutation(len(others))[: int(HOURS * SOUNDS_PER_HOUR)]]
        samples = background([read_samples(clip) for clip in drawn], int(HOURS * 3600 * SAMPLE_RATE), rng)
        heard = hear(samples, detectors[fold], verifier, as_asked(cascade))
        rows.append({"frames": len(heard.detector), "asked": len(follow(heard, cascade)[1])})
    frames, asked = (sum(row[name] for row in rows) for name in ("frames", "asked"))
    figures: dict[str, Any] = {"seed": arguments.seed, "sounds_per_hour": SOUNDS_PER_HOUR, "folds": rows}
    figures |= {"hours": frames * FRAME_HOP_S / 3600, "asked_share": asked / frames}
    figures["asked_per_hour"] = asked / figures["hours"]
    record("quiet_night", figures, table(figures))


def table(figures: dict[str, Any]) -> str:
    """Markdown: one sentence."""
    return (
        f"In {figures['hours']:.1f} hours of a quiet room with {figures['sounds_per_hour']} other sounds an hour the "
        f"verifier was asked {figures['asked_per_hour']:.0f} times an hour: in {figures['asked_share']:.2%} of frames."
    )


if __name__ == "__main__":
    main()
