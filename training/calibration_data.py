"""Calibration tensors: log-mel frames drawn by group in parts that share no group, without voices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge.dsp.log_mel import FRAME_COLUMNS, FRAME_LENGTH, PARAMETERS, log_mel
from training.corpora import CRY, NONCRY, Clip, assert_groups_undivided, read_corpora, read_samples
from training.detector_release import SHIPPABLE

PARTS = ("quantise", "parity")
FRAMES_PER_CLASS = {"quantise": 100, "parity": 200}
VOICES = {"laughing", "crying_baby"}  # ESC-50 classes with a person's voice; cries come from donateacry
SOUND_CORPORA = {CRY: "donateacry", NONCRY: "esc50"}  # no corpus of speech
GAIN_RANGE_DB = (-30.0, 0.0)
TENSORS = "detector_log_mel.npz"


def write_calibration_data(data: Path, out: Path, seed: int) -> None:
    """Write OUT/detector_log_mel.npz and OUT/manifest.json."""
    clips = [clip for clip in read_corpora(data) if clip.licence_class in SHIPPABLE and clip.label not in VOICES]
    rng = np.random.default_rng(seed)
    arrays: dict[str, np.ndarray] = {}
    sources: dict[str, list[dict]] = {}
    chosen = {part: choose(clips, part) for part in PARTS}
    assert_groups_undivided(list(chosen.values()))
    for part in PARTS:
        frames, labels, used = draw(chosen[part], FRAMES_PER_CLASS[part], rng)
        arrays[part], arrays[f"y_{part}"], sources[part] = frames.astype(np.float16), labels, used
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / TENSORS, **arrays)
    manifest = {
        "feature": {"name": "log_mel", "parameters": PARAMETERS},
        "command": f"cry-train calibration --data DIR --seed {seed}",
        "seed": seed,
        "sha256": hashlib.sha256((out / TENSORS).read_bytes()).hexdigest(),
        "licences": sorted({clip.licence for part in PARTS for clip in chosen[part]}),
        "sources": sources,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    print(f"wrote {out / TENSORS}: " + ", ".join(f"{part} {arrays[part].shape}" for part in PARTS))


def choose(clips: Sequence[Clip], part: str) -> list[Clip]:
    """The clips of one part: a hash of its group decides where a clip belongs."""
    return [
        clip
        for clip in clips
        if SOUND_CORPORA.get(clip.detector_label) == clip.corpus
        and int(hashlib.sha256(clip.group_id.encode()).hexdigest(), 16) % len(PARTS) == PARTS.index(part)
    ]


def draw(clips: Sequence[Clip], per_class: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """(frames, labels, sources): per class so many loud seconds, one from each clip while there are enough clips."""
    frames, labels, sources = [], [], []
    for label in (CRY, NONCRY):
        of_class = [clip for clip in clips if clip.detector_label == label]
        order = list(rng.permutation(len(of_class)))
        for number in range(per_class):
            clip = of_class[order[number % len(order)]]
            frames.append(loud_second(read_samples(clip), rng))
            labels.append(label == CRY)
            sources.append({"clip": clip.clip_id, "licence": clip.licence, "label": label})
    return np.stack(frames), np.array(labels), sources


def loud_second(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Log-mel (98, 64) of one of a clip's louder seconds at a random gain."""
    samples = np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples))))
    starts = rng.integers(0, len(samples) - FRAME_LENGTH + 1, 5)
    levels = [np.mean(np.square(samples[start : start + FRAME_LENGTH])) for start in starts]
    start = starts[int(np.argmax(levels))]
    gain = 10 ** (rng.uniform(*GAIN_RANGE_DB) / 20)
    return log_mel(samples[start : start + FRAME_LENGTH] * np.float32(gain))[:FRAME_COLUMNS]
