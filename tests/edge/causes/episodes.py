"""Episodes for experts on causes to listen to, and what they should make of them."""

import tracemalloc

import numpy as np

from edge.config import load_settings
from edge.dsp.fused import HOP_LENGTH, WINDOW_LENGTH, fused_columns
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Event

WINDOW_COLUMNS = 233


def sound(duration_s, seed=0):
    """A gliding tone with overtones in noise, loud enough to be a cry: float32 at 16 kHz."""
    rng = np.random.RandomState(seed)
    t = np.arange(int(duration_s * SAMPLE_RATE)) / float(SAMPLE_RATE)
    f0_hz = 450.0 + 120.0 * np.sin(2.0 * np.pi * (0.35 + 0.1 * seed) * t)
    phase = 2.0 * np.pi * np.cumsum(f0_hz) / SAMPLE_RATE
    tone = sum(np.sin(n * phase) / n for n in range(1, 6))
    return (0.1 * tone * (1.0 + 0.8 * np.sin(3.0 * t)) + 0.01 * rng.standard_normal(len(t))).astype(np.float32)


def silence(duration_s):
    return np.zeros(int(duration_s * SAMPLE_RATE), np.float32)


def events_of(bundle, samples, block=FRAME_HOP, settings=None):
    pipeline = Pipeline(bundle, settings)
    records = []
    for first in range(0, len(samples), block):
        records += pipeline.push(samples[first : first + block])
    return [record for record in records + pipeline.finish() if isinstance(record, Event)]


def late_settings(frames):
    """An episode opens only when that many frames were loud: it is dated back as far."""
    settings = load_settings(None)
    return settings._replace(decision=settings.decision._replace(smoothing_frames=frames, open_threshold=0.99))


def expected_readings(bundle, samples, begin, end_s):
    """{expert: (end in seconds, columns seen, logits) of every reading}, from the samples from `begin` on, at once."""
    readings = {}
    for expert in bundle.experts:
        expert.reset()
        rows = [
            (logits.copy(), expert.n_encoded) for logits in expert.push(fused_columns(samples[begin:], expert.band_hz))
        ]
        dated = [((begin + WINDOW_LENGTH + (n - 1) * HOP_LENGTH) / float(SAMPLE_RATE), n, x) for x, n in rows]
        readings[expert.name] = [row for row in dated if row[0] <= end_s]
    return readings


def grown_in_a_long_episode(bundle):
    """Bytes that what listens for causes keeps more after 32 s of crying than after 16 s."""
    pipeline, cry = Pipeline(bundle), sound(8)
    pipeline.push(cry)
    tracemalloc.start()
    try:
        pipeline.push(cry)
        before = kept_by_experts()
        for _ in range(2):
            pipeline.push(cry)
        grown = kept_by_experts() - before
    finally:
        tracemalloc.stop()
    assert pipeline.is_crying
    return grown


def kept_by_experts():
    """Bytes."""
    rooms = [tracemalloc.Filter(True, "*/edge/" + room) for room in ("causes/*", "dsp/*", "bundle/*", "engines/*")]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(rooms).traces)
