"""Can a word be understood in what [learn] keeps? Ten spoken digits, made again from the numbers of the two networks.

    python -m benchmarks.studies.kept_inversion --data DIR

Worse than at home: every digit is taken for a marked event, its beginning is known, and whoever listens has thousands
of digits with both their sound and their numbers, of the same six speakers or of the five others. He learns to make
log-mel of the numbers (kernel ridge) and gives that to a recogniser of log-mel, or recognises the numbers themselves.
Beside what is kept (a frame in 0.6 s, in no order of time) stand the answers at every hop of 0.2 s in their order,
log-mel pooled to 32 numbers a hop, which is what could have been kept instead, and log-mel itself.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.lib.record import record
from edge.bundle import DEFAULT_BUNDLE_DIR
from edge.dsp.log_mel import log_mel
from edge.frames import FRAME_HOP, FRAME_HOP_COLUMNS, FRAME_LENGTH
from edge.learning.marked_file import unordered
from edge.synthesis.signals import to_level
from training.data.corpora import read_corpora, read_samples
from training.verifier.hearing import Network, hear, tflite_network
from training.verifier.material import DIGITS

PER_SPEAKER_AND_DIGIT = 25
HOPS = 8  # after a digit begins: those whose frames hold any of it
KEPT_EVERY = 3  # hops, as a monitor asks
WORD_S, LEVEL_DBFS, ROOM = 1.0, -25.0, 1e-4
COLUMNS, BANDS = 7, 2  # averaged, of what is recognised
POOLED = 32  # numbers a hop
FOLDS = 5
WAYS = [(width, alpha) for width in (1.0, 3.0) for alpha in (0.03, 1.0)]


def main() -> None:
    """Hear the digits, invert and recognise them, record the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    words, labels, speakers = digits(arguments.data)
    networks = shipped()
    started = time.perf_counter()
    heard(words[:20], networks)
    minutes = (time.perf_counter() - started) * len(words) / 20 / 60 + 1
    print(f"{len(words)} digits, about {minutes:.0f} minutes on this core", flush=True)
    features = features_of(words, networks)
    rows = {
        who: listen(features, labels, splits)
        for who, splits in (
            ("the same speakers", list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(words, labels))),
            ("a speaker never heard", list(LeaveOneGroupOut().split(words, labels, speakers))),
        )
    }
    record("kept_inversion", {"words": len(words), "numbers": sizes(features), "rows": rows}, table(rows, features))


def digits(data: Path) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """(samples, labels, speakers) of so many of each speaker's digits, drawn by a seed."""
    rng, found = np.random.default_rng(0), {}
    for clip in read_corpora(data):
        if clip.corpus == DIGITS:
            found.setdefault((clip.group_id, clip.label), []).append(clip)
    chosen = [clips[i] for clips in found.values() for i in sorted(rng.permutation(len(clips))[:PER_SPEAKER_AND_DIGIT])]
    return (
        [read_samples(c) for c in chosen],
        np.array([c.label for c in chosen]),
        np.array([c.group_id for c in chosen]),
    )


def shipped() -> tuple[Network, Network]:
    """Detector and verifier as a Raspberry Pi runs them."""
    folder = Path(DEFAULT_BUNDLE_DIR)
    return tflite_network(folder / "detector.int8.tflite"), tflite_network(folder / "verifier.dynamic.tflite")


def placed(word: np.ndarray, seed: int) -> np.ndarray:
    """A word that begins one frame in, in a quiet room; 1-D float32."""
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, ROOM, FRAME_LENGTH + HOPS * FRAME_HOP)
    own = to_level(np.asarray(word, float), LEVEL_DBFS)[: int(16000 * WORD_S)]
    sound[FRAME_LENGTH : FRAME_LENGTH + len(own)] += own
    return sound.astype(np.float32)


def heard(words: Sequence[np.ndarray], networks: tuple[Network, Network]) -> tuple[np.ndarray, np.ndarray]:
    """(log-mel (n, columns, bands) of the second in which each word is said, what both answer (n, HOPS, numbers))."""
    spectra, answers = [], []
    for seed, word in enumerate(words):
        sound = placed(word, seed)
        both = hear(sound, *networks, asks=lambda own: np.arange(len(own.detector)))
        answers.append(np.column_stack([both.detector, both.verifier])[1 : HOPS + 1])
        first = FRAME_LENGTH // FRAME_HOP * FRAME_HOP_COLUMNS
        spectra.append(log_mel(sound)[first : first + FRAME_LENGTH // FRAME_HOP * FRAME_HOP_COLUMNS - 2])
    return np.array(spectra), np.array(answers)


def features_of(words: Sequence[np.ndarray], networks: tuple[Network, Network]) -> dict[str, np.ndarray]:
    """What may be listened to, each (n, numbers); "log-mel" is what the others are turned into."""
    spectra, answers = heard(words, networks)
    n, columns, bands = spectra.shape
    per_hop = spectra[:, : columns // FRAME_HOP_COLUMNS * FRAME_HOP_COLUMNS]
    per_hop = per_hop.reshape(n, -1, FRAME_HOP_COLUMNS, POOLED, bands // POOLED).mean(axis=(2, 4))
    small = spectra[:, : columns // COLUMNS * COLUMNS].reshape(n, -1, COLUMNS, bands // BANDS, BANDS).mean(axis=(2, 4))
    return {
        "log-mel": small.reshape(n, -1),
        "log-mel, 32 numbers a hop": per_hop.reshape(n, -1),
        "the networks' answers at every hop": answers.reshape(n, -1),
        "the networks' answers as they are kept": np.array([unordered(own[::KEPT_EVERY]) for own in answers]).reshape(
            n, -1
        ),
    }


def recogniser() -> Any:
    """Of words, in any of these."""
    return make_pipeline(StandardScaler(), SVC(C=10.0))


def inverted(numbers: np.ndarray, spectra: np.ndarray, heard_numbers: np.ndarray) -> np.ndarray:
    """Log-mel of heard_numbers, by what numbers and spectra teach; as smooth as suits a fifth of them best."""
    own, others = numbers[::5], np.delete(numbers, np.s_[::5], axis=0)
    seen, unseen = np.delete(spectra, np.s_[::5], axis=0), spectra[::5]
    errors = {way: ((kernel_ridge(others, seen, own, *way) - unseen) ** 2).mean() for way in WAYS}
    return kernel_ridge(numbers, spectra, heard_numbers, *min(errors, key=lambda way: errors[way]))


def kernel_ridge(numbers: np.ndarray, spectra: np.ndarray, asked: np.ndarray, width: float, alpha: float) -> np.ndarray:
    """What is predicted for `asked`; width: of the kernel, in standard deviations of all numbers."""
    scaler, mean = StandardScaler().fit(numbers), spectra.mean(axis=0)
    model = KernelRidge(alpha=alpha, kernel="rbf", gamma=1 / (2 * width**2 * numbers.shape[1]))
    return model.fit(scaler.transform(numbers), spectra - mean).predict(scaler.transform(asked)) + mean


def listen(
    features: dict[str, np.ndarray], labels: np.ndarray, splits: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, dict[str, list[float]]]:
    """{feature: {directly, inverted, explained}: a share for each split}.

    directly: words recognised in the numbers. inverted: by a recogniser of log-mel, in what is made of them.
    explained: of the variance of log-mel.
    """
    target = features["log-mel"]
    found: dict[str, dict[str, list[float]]] = {
        name: {"directly": [], "inverted": [], "explained": []} for name in features
    }
    for train, test in splits:
        of_log_mel = recogniser().fit(target[train], labels[train])
        for name, numbers in features.items():
            own = recogniser().fit(numbers[train], labels[train])
            found[name]["directly"].append(share(own.predict(numbers[test]), labels[test]))
            made = inverted(numbers[train], target[train], numbers[test])
            found[name]["inverted"].append(share(of_log_mel.predict(made), labels[test]))
            wrong = ((made - target[test]) ** 2).sum() / ((target[test] - target[train].mean(axis=0)) ** 2).sum()
            found[name]["explained"].append(float(1 - wrong))
    return found


def share(said: np.ndarray, right: np.ndarray) -> float:
    """Of words that were recognised."""
    return float((said == right).mean())


def sizes(features: dict[str, np.ndarray]) -> dict[str, int]:
    """Numbers a word."""
    return {name: numbers.shape[1] for name, numbers in features.items()}


def table(rows: dict[str, Any], features: dict[str, np.ndarray]) -> str:
    """As Markdown."""
    lines = [
        "Of ten words, said alone; by chance 10 % are right. Mean over splits, lowest and highest.",
        "",
        "| listened to | numbers a word | whoever listens knows | words recognised in them "
        "| after inversion to log-mel | log-mel's variance explained |",
        "|---|---|---|---|---|---|",
    ]
    for name, size in sizes(features).items():
        for who, found in rows.items():
            own = found[name]
            shown = [ranged(own[key]) for key in ("directly", "inverted", "explained")]
            lines.append(f"| {name} | {size} | {who} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def ranged(values: Sequence[float]) -> str:
    """Mean, lowest and highest in per cent."""
    return f"{np.mean(values):.0%} ({min(values):.0%} to {max(values):.0%})"


if __name__ == "__main__":
    main()
