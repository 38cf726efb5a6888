"""Calibration tensors: features of recordings drawn by group, in parts that share no group, without voices.

Each part has as many frames of cries as of other sounds, and of each as many under every condition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.dsp import log_mel, yamnet_patch
from edge.frames import FRAME_COLUMNS, FRAME_LENGTH
from training.data.augmentation import band_limit, rms
from training.data.corpora import CRY, NONCRY, SHIPPABLE, Clip, assert_groups_undivided, read_corpora, read_samples

PARTS = {"quantise": 20, "temperature": 20, "parity": 50}  # frames per class and condition
VOICES = {"laughing", "crying_baby"}  # ESC-50 classes with a person's voice; cries come from donateacry
SOUND_CORPORA = {CRY: "donateacry", NONCRY: "esc50"}  # no corpus of speech
LOUD_DBFS = (-35.0, -15.0)
QUIET_DBFS = (-60.0, -45.0)
SNR_RANGE_DB = (0.0, 15.0)
BAND_HZ = (300.0, 3400.0)  # what a telephone leaves
STEP_NATS = 1 / 32  # tensors are rounded to it: far below the noise of any sound, and the file is a third smaller
TENSORS = "detector_log_mel.npz"

Effect = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Drawing:
    """One file of tensors, and the manifest that vouches for it."""

    tensors: str
    manifest: str
    feature: str
    parameters: Mapping[str, object]
    features: Callable[[np.ndarray], np.ndarray]  # of one second of samples
    parts: dict[str, int]  # tensors per class and condition


FRAMES = Drawing(
    TENSORS,
    "manifest.json",
    "log_mel",
    log_mel.PARAMETERS,
    lambda samples: log_mel.log_mel(samples)[:FRAME_COLUMNS],
    PARTS,
)
PATCHES = Drawing(
    "verifier_patches.npz",
    "patches.json",
    yamnet_patch.NAME,
    yamnet_patch.PARAMETERS,
    lambda samples: yamnet_patch.yamnet_patch(samples[: yamnet_patch.PATCH_LENGTH]),
    {"quantise": 10, "parity": 25},
)


def write_calibration_data(data: Path, out: Path, seed: int, drawing: Drawing = FRAMES) -> None:
    """Write a drawing's tensors and manifest into OUT."""
    clips = [clip for clip in read_corpora(data) if clip.licence_class in SHIPPABLE and clip.label not in VOICES]
    rng = np.random.default_rng(seed)
    chosen = {part: choose(clips, part) for part in drawing.parts}
    assert_groups_undivided(list(chosen.values()))
    arrays: dict[str, Any] = {}
    sources: dict[str, list[dict]] = {}
    for part, per_cell in drawing.parts.items():
        arrays[part], arrays[f"y_{part}"], sources[part] = draw(chosen[part], per_cell, rng, drawing)
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / drawing.tensors, **arrays)
    manifest = {
        "feature": {"name": drawing.feature, "parameters": drawing.parameters},
        "command": f"cry-train calibration --data DIR --seed {seed}",
        "seed": seed,
        "sha256": hashlib.sha256((out / drawing.tensors).read_bytes()).hexdigest(),
        "licences": sorted({source["licence"] for rows in sources.values() for source in rows}),
        "sources": sources,
    }
    (out / drawing.manifest).write_text(as_lines(manifest))
    print(f"wrote {out / drawing.tensors}: " + ", ".join(f"{part} {arrays[part].shape}" for part in drawing.parts))


def choose(clips: Sequence[Clip], part: str) -> list[Clip]:
    """The clips of one part: a hash of its group decides where a clip belongs."""
    return [
        clip
        for clip in clips
        if SOUND_CORPORA.get(clip.detector_label) == clip.corpus
        and int(hashlib.sha256(clip.group_id.encode()).hexdigest(), 16) % len(PARTS) == list(PARTS).index(part)
    ]


def draw(
    clips: Sequence[Clip], per_cell: int, rng: np.random.Generator, drawing: Drawing = FRAMES
) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """(tensors float16, labels, sources): per class and condition so many loud seconds, clips reused last."""
    others = [clip for clip in clips if clip.detector_label == NONCRY]
    frames, labels, sources = [], [], []
    for label in (CRY, NONCRY):
        of_class = [clip for clip in clips if clip.detector_label == label]
        order = [of_class[i] for i in rng.permutation(len(of_class))]
        for number in range(per_cell * len(CONDITIONS)):
            clip = order[number % len(order)]
            condition = list(CONDITIONS)[number % len(CONDITIONS)]
            noise = others[rng.integers(len(others))]
            frames.append(tensor(drawing, loud_second(clip, rng), loud_second(noise, rng), condition, rng))
            labels.append(label == CRY)
            source = {"clip": clip.clip_id, "group": clip.group_id, "licence": clip.licence, "label": label}
            source["condition"] = condition
            if condition == NOISY:
                source["noise"] = noise.clip_id
            sources.append(source)
    return np.stack(frames), np.array(labels), sources


def loud_second(clip: Clip, rng: np.random.Generator) -> np.ndarray:
    """The samples of one of a clip's louder seconds, (16240,)."""
    samples = read_samples(clip)
    samples = np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples))))
    starts = rng.integers(0, len(samples) - FRAME_LENGTH + 1, 5)
    return max((samples[start : start + FRAME_LENGTH] for start in starts), key=rms)


def tensor(
    drawing: Drawing, sound: np.ndarray, noise: np.ndarray, condition: str, rng: np.random.Generator
) -> np.ndarray:
    """The features, float16, of a sound under a condition; `noise` lies under it where the condition says so."""
    features = drawing.features(CONDITIONS[condition](sound, noise, rng).astype(np.float32))
    return (np.rint(features / STEP_NATS) * STEP_NATS).astype(np.float16)


def at_level(sound: np.ndarray, range_dbfs: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """The sound at a random level."""
    return sound * (10 ** (rng.uniform(*range_dbfs) / 20) / (rms(sound) + 1e-9))


def clean(sound: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As it was recorded, at a common level."""
    return at_level(sound, LOUD_DBFS, rng)


def band_limited(sound: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through a telephone's band."""
    return at_level(band_limit(sound, *BAND_HZ), LOUD_DBFS, rng)


def noisy(sound: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Over another recording of the same part, which is never a cry."""
    snr = 10 ** (rng.uniform(*SNR_RANGE_DB) / 20)
    return at_level(sound / (rms(sound) + 1e-9) * snr + noise / (rms(noise) + 1e-9), LOUD_DBFS, rng)


def quiet(sound: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Far away: near the floor of the features."""
    return at_level(sound, QUIET_DBFS, rng)


NOISY = "noisy"
CONDITIONS: dict[str, Effect] = {"clean": clean, "band_limited": band_limited, NOISY: noisy, "quiet": quiet}


def as_lines(manifest: dict) -> str:
    """The manifest as JSON with one line per source."""
    sources = {
        part: "\n".join(["[", ",\n".join("   " + json.dumps(row) for row in rows), "  ]"])
        for part, rows in manifest["sources"].items()
    }
    body = ",\n".join(f"  {json.dumps(part)}: {text}" for part, text in sources.items())
    head = json.dumps({**manifest, "sources": None}, indent=1)
    return head.replace('"sources": null', '"sources": {\n' + body + "\n }") + "\n"
