"""A detector of one's own: a tiny Keras model, trained for a few seconds on made-up nights.

python make_model.py DIR     writes DIR/my_detector.keras and DIR/model.json
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

from edge.dsp.log_mel import N_MELS, log_mel
from edge.frames import FRAME_COLUMNS, FRAME_LENGTH, SAMPLE_RATE
from edge.synthesis import nursery_night

NIGHTS, NIGHT_S, HOP_S = 6, 300.0, 0.5
SCALE = 3.0  # the network sees (x - mean of the frame) / SCALE; model.json says so to the device


def frames_of(night):
    """(frames, labels): one second of log-mel every HOP_S, and whether it is a cry; half filled ones are left out."""
    frames, labels = [], []
    for first in range(0, len(night.samples) - FRAME_LENGTH, int(HOP_S * SAMPLE_RATE)):
        begin_s, end_s = first / SAMPLE_RATE, (first + FRAME_LENGTH) / SAMPLE_RATE
        cries = [segment for segment in night.truth if segment.kind == "cry"]
        cried_s = sum(max(0.0, min(end_s, cry.end_s) - max(begin_s, cry.start_s)) for cry in cries)
        if 0.0 < cried_s < 0.9:
            continue
        frame = log_mel(night.samples[first : first + FRAME_LENGTH])[:FRAME_COLUMNS]
        frames.append((frame - frame.mean()) / SCALE)
        labels.append(float(cried_s > 0.0))
    return np.array(frames, np.float32)[..., None], np.array(labels, np.float32)


def build():
    """One second of normalised log-mel in, one logit of "a baby is crying" out."""
    frame = keras.Input((FRAME_COLUMNS, N_MELS, 1), name="log_mel")
    x = layers.Conv2D(8, 5, strides=4, padding="same", activation="relu")(frame)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(frame, layers.Dense(1, name="cry")(x), name="my_detector")


def main():
    """Train, and write what edge-export needs."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    nights = [frames_of(nursery_night(NIGHT_S, seed)) for seed in range(10, 10 + NIGHTS)]
    frames, labels = (np.concatenate(parts) for parts in zip(*nights))
    model = build()
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(frames, labels, batch_size=32, epochs=12, verbose=0)
    model.save(folder / "my_detector.keras")
    description = {
        "labels": ["cry"],
        "feature": "log_mel",
        "temperature": 1.0,
        "normalisation": {"kind": "frame_mean", "scale": SCALE},
        "decision": {"open_threshold": 0.7, "close_threshold": 0.4},
    }
    (folder / "model.json").write_text(json.dumps(description, indent=1))
    print(f"{model.count_params()} parameters, trained on {len(labels)} seconds of {NIGHTS} made-up nights")


if __name__ == "__main__":
    main()
