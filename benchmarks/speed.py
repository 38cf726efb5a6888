"""Cost beside YAMNet and librosa, in one run on one thread.

    python -m benchmarks.speed --yamnet FILE
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.record import record
from benchmarks.yamnet import WINDOW, Yamnet
from edge.bundle import load_bundle
from edge.dsp.log_mel import (
    FRAME_COLUMNS,
    FRAME_HOP,
    HOP_LENGTH,
    MEL_HIGH_HZ,
    MEL_LOW_HZ,
    N_FFT,
    N_MELS,
    SAMPLE_RATE,
    WINDOW_LENGTH,
    LogMelStream,
)
from edge.synthesis import nursery_night

BLOCKS = 40  # the stages take turns in blocks, so that whatever disturbs the machine disturbs all of them
CALLS_PER_BLOCK = 50
WARM_UP_CALLS = 5  # of each block, not counted: another stage has just used the caches
OUR_LOOKS_PER_S = SAMPLE_RATE / FRAME_HOP
YAMNET_LOOKS_PER_S = 2  # 0.975-s windows at half overlap


def interleaved_us(stages: dict[str, Callable[[int], object]]) -> dict[str, tuple[float, float]]:
    """(median, 90th percentile) microseconds of each stage(call number), the stages taking turns."""
    durations: dict[str, list[float]] = {name: [] for name in stages}
    for block in range(BLOCKS):
        for name, stage in stages.items():
            for call in range(CALLS_PER_BLOCK):
                started = perf_counter()
                stage(block * CALLS_PER_BLOCK + call)
                if call >= WARM_UP_CALLS:
                    durations[name].append(1e6 * (perf_counter() - started))
    return {name: (float(np.median(d)), float(np.percentile(d, 90))) for name, d in durations.items()}


def librosa_hop() -> Callable[[np.ndarray], np.ndarray]:
    """The same 20 log-mel columns from librosa."""
    import librosa

    def columns(samples: np.ndarray) -> np.ndarray:
        mel = librosa.feature.melspectrogram(
            y=samples, sr=SAMPLE_RATE, n_fft=N_FFT, win_length=WINDOW_LENGTH, hop_length=HOP_LENGTH, center=False,
            n_mels=N_MELS, fmin=MEL_LOW_HZ, fmax=MEL_HIGH_HZ, htk=True, norm=None,
        )
        return np.log(mel + 1e-6)

    return columns


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--yamnet", type=Path, required=True)
    arguments = parser.parse_args()
    samples = nursery_night(duration_s=60.0, seed=1).samples
    stream, detector, yamnet, librosa_columns = (
        LogMelStream(), load_bundle().detector, Yamnet(arguments.yamnet), librosa_hop()
    )
    frame = np.zeros((FRAME_COLUMNS, N_MELS), np.float32)
    overlap = N_FFT - HOP_LENGTH  # what librosa needs again of the samples before a hop

    def hop(number: int) -> np.ndarray:
        first = (number * FRAME_HOP) % (len(samples) - SAMPLE_RATE)
        return samples[first : first + FRAME_HOP]

    def features(number: int) -> None:
        columns = stream.push(hop(number))
        frame[: -len(columns)] = frame[len(columns) :]
        frame[-len(columns) :] = columns

    rows = interleaved_us(
        {
            "our features, one hop": features,
            "our network, one frame": lambda number: detector.probability(frame),
            "YAMNet, one window": lambda number: yamnet.scores(samples[number * 160 % 100000 :][:WINDOW]),
            "librosa features, one hop": lambda number: librosa_columns(
                samples[(number * FRAME_HOP) % 800000 :][: FRAME_HOP + overlap]
            ),
        }
    )
    ours_us = rows["our features, one hop"][0] + rows["our network, one frame"][0]
    yamnet_us = rows["YAMNet, one window"][0]
    ratios = {
        "our frame / YAMNet's window": ours_us / yamnet_us,
        "our second / YAMNet's second": ours_us * OUR_LOOKS_PER_S / (yamnet_us * YAMNET_LOOKS_PER_S),
        "librosa's hop / our hop": rows["librosa features, one hop"][0] / rows["our features, one hop"][0],
    }
    lines = ["| one thread | median, us | 90 %, us |", "|---|---|---|"]
    lines += [f"| {name} | {p50:.0f} | {p90:.0f} |" for name, (p50, p90) in rows.items()]
    lines += ["", "| ratio | |", "|---|---|", *(f"| {name} | {value:.2f} |" for name, value in ratios.items())]
    lines += ["", f"Our engine: {detector.engine_name}."]
    record("speed", {"rows_us": rows, "ratios": ratios, "engine": detector.engine_name}, "\n".join(lines))


if __name__ == "__main__":
    main()
