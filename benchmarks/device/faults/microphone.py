"""Kind 1: what a microphone sends beside, or in place of, what it hears. The state may not be healthy in silence."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.device.faults.nursery import Nursery, Row, next_frame_s
from edge.frames import SAMPLE_RATE

KIND = "deaf without a word"
RATE_HZ = 48000
OFFSET = 0.03  # of full scale, as cheap I2S microphones have
HUM = 0.1
NOISE = 0.05
SAMPLE_WITH_FAULT = 2 * RATE_HZ  # a second before the cry


def stereo(samples: np.ndarray) -> np.ndarray:
    """(n,) at 16 kHz -> (3 n, 2) at 48 kHz, as a cheap converter would."""
    return np.repeat(samples[:, None], 2, axis=1).repeat(RATE_HZ // SAMPLE_RATE, axis=0)


def hum(frequency_hz: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that adds hum to both channels."""
    return lambda x: x + HUM * np.sin(2 * np.pi * frequency_hz * np.arange(len(x)) / RATE_HZ)[:, None]


def one_sample(value: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that puts a value into one sample of both channels."""

    def put(x: np.ndarray) -> np.ndarray:
        x = x.copy()
        x[SAMPLE_WITH_FAULT] = value
        return x

    return put


def noise(x: np.ndarray) -> np.ndarray:
    """One of its two channels is noise."""
    return np.stack((NOISE * np.random.RandomState(2).standard_normal(len(x)), x[:, 1]), axis=1)


FAULTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "a constant offset of .03": lambda x: x + OFFSET,
    "hum at 50 Hz, -23 dBFS": hum(50.0),
    "hum at 60 Hz, -23 dBFS": hum(60.0),
    "hum at 100 Hz, -23 dBFS": hum(100.0),
    "two channels of opposite sign": lambda x: x * (1, -1),
    "one of two channels is dead": lambda x: x * (0, 1),
    "one of two channels is noise": noise,
    "one sample is no number (NaN)": one_sample(np.nan),
    "one sample is 1e20": one_sample(1e20),
}


def rows(nursery: Nursery) -> Iterator[Row]:
    """Each fault in turn, through one monitor each: what it said of one would not be said again of the next."""
    for done, change in FAULTS.items():
        monitor = nursery.monitor("--source", "mic:STEREO")
        monitor.wait_for_line("healthy: hearing")
        began_s = time.monotonic()
        alert_s = nursery.cry(monitor, lambda samples, change=change: change(stereo(samples)), play=play)
        row = Row(KIND, done, 1, next_frame_s(monitor, began_s), alert_s, monitor.said(began_s))
        assert monitor.end() == 0
        yield row


def play(nursery: Nursery, samples: np.ndarray) -> None:
    """Play 32-bit samples as they are, (n, 2) at 48 kHz, into the input with two channels."""
    command = ["paplay", "--raw", "--format=float32le", f"--rate={RATE_HZ}", "--channels=2", "--device=stereo48"]
    subprocess.run(command, input=samples.astype("<f4").tobytes(), env=nursery.microphone.environment, check=True)
