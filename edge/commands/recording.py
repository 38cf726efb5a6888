"""One recording through the daemon's pipeline: its records, then what it came to."""

import time
from typing import Iterator, NamedTuple, Union

from edge.audio import open_source
from edge.bundle import Bundle
from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Alert, Event, Frame


class Summary(NamedTuple):
    """What a recording came to."""

    duration_s: float
    frames: int
    events: int
    cry_seconds: float  # sum of the events' lengths
    speedup: float  # seconds of audio per second of work


class Noticed(NamedTuple):
    """What is wrong with the sound of a recording, for a person."""

    text: str


class Heard(NamedTuple):
    """How far a recording has been heard."""

    duration_s: float


def analyse(path: str, bundle: Bundle, settings) -> Iterator[Union[Frame, Alert, Event, Heard, Noticed, Summary]]:
    """Yield the records of a recording as they come, a Heard after each block; what was Noticed, a Summary at last.

    settings: edge.config.Settings. Raises UserError when the file cannot be opened, or, after all of what came
    before has been yielded, when it cannot be read to its end.
    """
    started = time.perf_counter()
    problem = None
    n_samples = n_frames = 0
    lengths_s = []
    with open_source("file:" + path) as source:
        pipeline = Pipeline(bundle, settings)
        blocks = source.blocks()
        while True:
            try:
                block = next(blocks, None)
            except UserError as error:
                problem, block = error, None
            records = pipeline.finish() if block is None else pipeline.push(block)
            for record in records:
                n_frames += isinstance(record, Frame)
                if isinstance(record, Event):
                    lengths_s.append(record.end_s - record.start_s)
                yield record
            if block is None:
                break
            n_samples += len(block)
            yield Heard(n_samples / SAMPLE_RATE)
        for _, text in source.remarks():
            yield Noticed(text)
    duration_s = n_samples / SAMPLE_RATE
    elapsed_s = time.perf_counter() - started
    yield Summary(duration_s, n_frames, len(lengths_s), round(sum(lengths_s), 3), duration_s / elapsed_s)
    if problem:
        raise problem
