"""Cost beside YAMNet, librosa and kaldi-native-fbank, in one run on one thread.

    python -m benchmarks.device.speed --yamnet FILE

kaldi-native-fbank is measured where it is installed. openWakeWord is not: its package holds no models.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.lib.interleaved_timing import take_turns
from benchmarks.lib.record import record
from benchmarks.lib.yamnet import WINDOW, Yamnet
from edge.bundle import load_bundle
from edge.dsp.log_mel import HOP_LENGTH, MEL_HIGH_HZ, MEL_LOW_HZ, N_FFT, N_MELS, WINDOW_LENGTH, LogMelStream
from edge.frames import FRAME_COLUMNS, FRAME_HOP, SAMPLE_RATE
from edge.synthesis import nursery_night

OUR_LOOKS_PER_S = SAMPLE_RATE / FRAME_HOP
YAMNET_LOOKS_PER_S = 2  # 0.975-s windows at half overlap


def librosa_hop() -> Callable[[np.ndarray], np.ndarray]:
    """The same 20 log-mel columns from librosa."""
    import librosa

    def columns(samples: np.ndarray) -> np.ndarray:
        mel = librosa.feature.melspectrogram(
            y=samples,
            sr=SAMPLE_RATE,
            n_fft=N_FFT,
            win_length=WINDOW_LENGTH,
            hop_length=HOP_LENGTH,
            center=False,
            n_mels=N_MELS,
            fmin=MEL_LOW_HZ,
            fmax=MEL_HIGH_HZ,
            htk=True,
            norm=None,
        )
        return np.log(mel + 1e-6)

    return columns


def kaldi_hop() -> Callable[[np.ndarray], np.ndarray] | None:
    """The columns of a hop from kaldi-native-fbank, which speech recognisers run on boards; None without it."""
    try:
        import kaldi_native_fbank as knf
    except ImportError:
        return None
    options = knf.FbankOptions()
    options.frame_opts.samp_freq, options.frame_opts.dither = SAMPLE_RATE, 0.0
    options.frame_opts.window_type = "hanning"
    options.frame_opts.frame_length_ms = 1000 * WINDOW_LENGTH / SAMPLE_RATE
    options.frame_opts.frame_shift_ms = 1000 * HOP_LENGTH / SAMPLE_RATE
    options.mel_opts.num_bins, options.mel_opts.low_freq, options.mel_opts.high_freq = N_MELS, MEL_LOW_HZ, MEL_HIGH_HZ
    stream, ready = knf.OnlineFbank(options), [0]

    def columns(samples: np.ndarray) -> np.ndarray:
        stream.accept_waveform(SAMPLE_RATE, samples)
        found = np.array([stream.get_frame(n) for n in range(ready[0], stream.num_frames_ready)])
        stream.pop(stream.num_frames_ready - ready[0])
        ready[0] = stream.num_frames_ready
        return found

    return columns


def main() -> None:
    """Run and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--yamnet", type=Path, required=True)
    arguments = parser.parse_args()
    samples = nursery_night(duration_s=60.0, seed=1).samples
    stream, detector, yamnet, librosa_columns = (
        LogMelStream(),
        load_bundle().detector,
        Yamnet(arguments.yamnet),
        librosa_hop(),
    )
    frame = np.zeros((FRAME_COLUMNS, N_MELS), np.float32)
    overlap = N_FFT - HOP_LENGTH  # what librosa needs again of the samples before a hop

    def hop(number: int) -> np.ndarray:
        first = (number * FRAME_HOP) % (len(samples) - SAMPLE_RATE)
        return samples[first : first + FRAME_HOP]

    stages: dict[str, Callable[[int], object]] = {
        "our features, one hop": lambda number: stream.push_into(frame, hop(number)),
        "our network, one frame": lambda number: detector.probability(frame),
        "YAMNet, one window": lambda number: yamnet.scores(samples[number * 160 % 100000 :][:WINDOW]),
        "librosa features, one hop": lambda number: librosa_columns(
            samples[(number * FRAME_HOP) % 800000 :][: FRAME_HOP + overlap]
        ),
    }
    kaldi_columns = kaldi_hop()
    if kaldi_columns:
        stages["kaldi-native-fbank, one hop"] = lambda number: kaldi_columns(hop(number))
    turns = take_turns(stages)
    rows = turns.us
    ours_us = rows["our features, one hop"].cpu_us + rows["our network, one frame"].cpu_us
    yamnet_us = rows["YAMNet, one window"].cpu_us
    our_features_us = rows["our features, one hop"].cpu_us
    ratios = {
        "our frame / YAMNet's window": ours_us / yamnet_us,
        "our second / YAMNet's second": ours_us * OUR_LOOKS_PER_S / (yamnet_us * YAMNET_LOOKS_PER_S),
        "librosa's hop / our hop": rows["librosa features, one hop"].cpu_us / our_features_us,
    }
    if kaldi_columns:
        ratios["kaldi-native-fbank's hop / our hop"] = rows["kaldi-native-fbank, one hop"].cpu_us / our_features_us
    lines = turns.table("one thread, median")
    lines += ["", "| ratio of CPU times | |", "|---|---|"]
    lines += [f"| {name} | {value:.2f} |" for name, value in ratios.items()]
    lines += ["", f"Our engine: {detector.engine_name}. {turns.note()}"]
    figures = {"rows_us": rows, "ratios": ratios, "engine": detector.engine_name, "disturbed": turns.disturbed}
    record("speed", figures, "\n".join(lines))


if __name__ == "__main__":
    main()
