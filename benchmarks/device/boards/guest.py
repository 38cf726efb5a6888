"""What runs on the emulated processor: the device's pipeline, with a mark after every stage of every hop.

    guest.py BUNDLE SAMPLES.npy

A mark is os.close() of a number that is no file; the emulator's plugin prints the instructions executed so far. The
names of the marks are printed at the end as one line of JSON, with the path that each hop took. Python 3.6.
"""

import json
import os
import sys

import numpy as np

from edge.audio.resample import StreamingResampler
from edge.bench.paths import CRYING, LISTENING, QUIET
from edge.bundle import load_bundle, verifier
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.timings import StageTimings

SUSPICIOUS = "suspicious"  # the detector suspects crying: the verifier is asked
FIRST_MARK = 900000
MICROPHONE_HZ = 48000  # most USB microphones have nothing lower
RESAMPLED_HOPS = 20
EMPTY_MARKS = 50  # one after the other: what a mark costs


def mark():
    """Let the emulator print its count."""
    try:  # noqa: SIM105  a context manager would cost more than the mark
        os.close(FIRST_MARK)
    except OSError:
        pass


class MarkedTimings(StageTimings):
    """Marks the end of every stage instead of keeping how long it took."""

    def __init__(self, marks):
        StageTimings.__init__(self)
        self._marks = marks

    def add(self, stage, duration_s):
        """A stage has ended."""
        self._marks.append(stage)
        mark()


def resample(timings):
    """What a hop from a USB microphone costs before the pipeline."""
    resampler = StreamingResampler(MICROPHONE_HZ)
    block = np.random.RandomState(0).standard_normal(FRAME_HOP * MICROPHONE_HZ // SAMPLE_RATE).astype(np.float32)
    for _ in range(RESAMPLED_HOPS):
        timings.add("before", 0.0)
        resampler.push(block)
        timings.add("resample", 0.0)


def path_of(stages, is_crying):
    """Which path a hop took."""
    if is_crying:
        return CRYING
    return SUSPICIOUS if "verifier" in stages else LISTENING if "detector" in stages else QUIET


def main():
    """Run the pipeline over the samples."""
    bundle_directory, samples_path = sys.argv[1:]
    verifier.LONGEST_S = float("inf")  # an emulator takes longer than any board
    bundle = load_bundle(bundle_directory)
    bundle.warm_up()
    samples = np.load(samples_path)
    pipeline = Pipeline(bundle)
    marks, paths = [], []
    pipeline.timings = MarkedTimings(marks)
    for _ in range(EMPTY_MARKS):
        pipeline.timings.add("mark", 0.0)
    resample(pipeline.timings)
    for first in range(0, len(samples) - FRAME_HOP + 1, FRAME_HOP):
        pipeline.timings.add("begin", 0.0)
        before = len(marks)
        pipeline.push(samples[first : first + FRAME_HOP])
        pipeline.timings.add("end", 0.0)
        paths.append(path_of(marks[before:], pipeline.is_crying))
    print(
        json.dumps(
            {
                "marks": marks,
                "paths": paths,
                "engine": bundle.detector.engine_name,
                "numpy": np.__version__,
                "python": "{}.{}.{}".format(*sys.version_info),
            }
        )
    )


if __name__ == "__main__":
    main()
