"""Marked sounds of made-up nights, as a home has them: python marks.py FOLDER SEED...; no sound is kept.

A parent would mark what the monitor told of: here the night itself knows what each sound was.
"""

import sys
from pathlib import Path

import numpy as np

from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.frames import FRAME_HOP_S, FRAME_S
from edge.synthesis import nursery_night
from training.verifier.federated import write_marked
from training.verifier.hearing import hear, tflite_network, wherever_suspicious

NIGHT_S = 120
folder, seeds = Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]]
detector, verifier = (
    tflite_network(Path(DEFAULT_BUNDLE_DIR) / name) for name in ("detector.int8.tflite", "verifier.dynamic.tflite")
)
logits, is_cry = [], []
for seed in seeds:
    night = nursery_night(NIGHT_S, seed)
    heard = hear(night.samples, detector, verifier, wherever_suspicious)
    answered = np.isfinite(heard.verifier).all(axis=1)
    ends_s = FRAME_S + FRAME_HOP_S * np.arange(len(answered))
    for sound in night.truth:
        frames = answered & (ends_s > sound.start_s + FRAME_S / 2) & (ends_s < sound.end_s + FRAME_S / 2)
        if frames.any():
            logits.append(np.column_stack([heard.detector, heard.verifier])[frames])
            is_cry.append(sound.kind == "cry")
write_marked(folder, logits, is_cry)
print(f"{folder}: {sum(is_cry)} cries and {len(is_cry) - sum(is_cry)} other sounds that sounded like one")
