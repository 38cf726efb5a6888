"""Frames of any feature, with what they are normalised to: from a folder of recordings, or of synthetic sounds.

Only features are kept, in memory, while the export runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.audio.file import read_file
from edge.dsp.frame_features import FrameStream, frame_samples
from edge.dsp.high_pass import high_passed
from edge.errors import UserError
from edge.frames import FRAME_HOP, SAMPLE_RATE
from export.parity.calibration import PARTS, Calibration, Part, Provenance
from export.parity.synthetic_inputs import SEEDS, synthetic_clips

SUFFIXES = (".wav", ".flac", ".ogg", ".opus")
CRY = "cry"  # the folder of recordings that are cries, and the synthetic sound
DEALT = ("quantise", "parity", "quantise", "parity", "temperature")  # recordings of a kind, in turn
LEAST = len(DEALT)
EVERY_HOPS = 5  # a frame a second
MOST_FRAMES = 600  # of a part
SYNTHETIC = (
    "Detector: there are no calibration tensors of its feature, so that int8 ranges and comparison are from synthetic "
    "sounds (cries, voices, a household), the same each time; --calibration-audio DIR takes them from recordings."
)
RECORDED = (
    "Detector: int8 ranges and comparison are from the recordings of --calibration-audio, {} files; none is kept."
)
UNLABELLED = " No folder in it is called cry: what the answers are worth was not measured."


@dataclass(frozen=True)
class Recordings:
    """A folder: DIR/cry/... are cries, what lies elsewhere is not."""

    directory: Path


@dataclass(frozen=True)
class Sound:
    """Samples at 16 kHz, where they are from, and whether they are a cry; None: it is not known."""

    samples: np.ndarray
    origin: Provenance
    is_cry: bool | None


def own_calibration(described: Mapping[str, Any], recordings: Recordings | None) -> tuple[Calibration, str]:
    """The parts, and a note that says what they are of. Raises UserError."""
    sounds, note = sounds_of(tuple(SEEDS) if recordings is None else PARTS, recordings)
    parts: dict[str, Any] = {part: part_of(described, heard) for part, heard in sounds.items()}
    return Calibration(**parts), note


def sounds_of(parts: Sequence[str], recordings: Recordings | None) -> tuple[dict[str, list[Sound]], str]:
    """The sounds of parts, and a note that says what they are. Raises UserError."""
    if recordings is None:
        return {part: list(synthetic_sounds(part)) for part in parts}, SYNTHETIC
    files = dealt(recordings.directory)
    known = any(is_cry for _, _, is_cry in files)
    sounds = {n: list(recorded(recordings.directory, [f for f in files if f[1] == n], known)) for n in parts}
    return sounds, RECORDED.format(len(files)) + ("" if known else UNLABELLED)


def synthetic_sounds(part: str) -> Iterator[Sound]:
    for clip in synthetic_clips(part):
        yield Sound(clip.samples, Provenance(clip.name, clip.name, clip.condition), clip.condition.startswith(CRY))


def dealt(directory: Path) -> list[tuple[Path, str, bool]]:
    """(recording, its part, whether it lies in a folder called cry), the same each time. Raises UserError."""
    if not directory.is_dir():
        raise UserError(f"--calibration-audio {directory} is no directory: name one with recordings")
    found = sorted(path for path in directory.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    cries = [path for path in found if CRY in path.relative_to(directory).parts[:-1]]
    others = [path for path in found if path not in set(cries)]
    for kind, paths in (("cries", cries), ("others", others)):
        if len(paths) < LEAST and (paths or kind == "others" or not found):
            raise UserError(
                f"--calibration-audio {directory} holds {len(cries)} recordings in folders called cry, {len(others)} "
                f"others ({', '.join(SUFFIXES)}): {LEAST} of each are needed, or {LEAST} without such a folder"
            )
    return [(path, DEALT[n % LEAST], kind is cries) for kind in (cries, others) for n, path in enumerate(kind)]


def recorded(directory: Path, files: list[tuple[Path, str, bool]], known: bool) -> Iterator[Sound]:
    """Recordings as the device hears them. Raises UserError."""
    for path, _, is_cry in files:
        name = str(path.relative_to(directory))
        origin = Provenance(name, name, CRY if is_cry else "other" if known else "recording")
        yield Sound(high_passed(read_file(str(path))), origin, is_cry if known else None)


def part_of(described: Mapping[str, Any], sounds: Iterable[Sound]) -> Part:
    """A frame each second of every sound, at most MOST_FRAMES of all, spread evenly."""
    feature = described["feature"]
    frames, labels, origins = [], [], []
    length = min(frame_samples(feature["name"], feature["parameters"]), SAMPLE_RATE)
    for sound in sounds:
        samples = np.pad(sound.samples, (0, max(0, length + FRAME_HOP - len(sound.samples))))
        stream = FrameStream(feature["name"], feature["parameters"], feature.get("band_hz"))
        for number in range(len(samples) // FRAME_HOP):
            frame = stream.push(samples[number * FRAME_HOP : (number + 1) * FRAME_HOP])
            heard = (number + 1) * FRAME_HOP
            if heard >= length and (number - -(-length // FRAME_HOP)) % EVERY_HOPS in (0, EVERY_HOPS - 1):
                frames.append(frame.copy())
                labels.append(sound.is_cry)
                origins.append(sound.origin)
    kept = np.unique(np.linspace(0, len(frames) - 1, min(len(frames), MOST_FRAMES)).astype(int))
    features = np.array(frames)[kept]
    known = None if None in labels else np.array(labels, bool)[kept]
    return Part(features, own_inputs(features, described), known, [origins[n] for n in kept])


def own_inputs(features: np.ndarray, described: Mapping[str, Any]) -> np.ndarray:
    """Frames (N, columns, bands) as the network takes them, (N, columns, rows, 1) float32.

    Written again and not imported from edge: what the device does is compared with this.
    """
    statistics, x = described["normalisation"], features.astype(np.float64)
    kind = statistics["kind"]
    if kind in ("frame_mean", "frame_z_score"):
        centred = x - x.mean(axis=(1, 2), keepdims=True)
        spread = x.std(axis=(1, 2), keepdims=True)
        x = centred / (statistics["scale"] if kind == "frame_mean" else spread + statistics["epsilon"])
    elif kind == "row_z_score":
        x = (x[:, :, statistics["rows"]] - statistics["mean"]) / statistics["deviation"]
    return x.astype(np.float32)[..., None]
