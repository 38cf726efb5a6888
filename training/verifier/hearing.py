"""What both networks answer on whole recordings, frame by frame, in batches; and what the device would make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge.bundle.model import Cascade
from edge.bundle.verifier import Verifier
from edge.config import load_settings
from edge.decision.gate import LevelGate
from edge.decision.second_opinion import SecondOpinion
from edge.dsp.high_pass import high_passed
from edge.dsp.log_mel import LogMelStream, log_mel
from edge.dsp.yamnet_patch import PATCH_LENGTH, yamnet_patch
from edge.frames import (
    FRAME_COLUMNS,
    FRAME_HOP,
    FRAME_HOP_COLUMNS,
    FRAME_HOP_S,
    FRAME_HOPS,
    FRAME_LENGTH,
)
from edge.pipeline import power_dbfs
from training.data.spectra import normalise
from training.verifier.config import CLASSES, LOWEST_GATE

FRAMES_AT_ONCE = 8
FRAMES_NORMALISED_AT_ONCE = 2048
Network = Callable[[np.ndarray], np.ndarray]  # inputs (n, rows, bands, 1) -> logits (n, labels)


@dataclass(frozen=True)
class Heard:
    """One recording: the detector's logits (n,), the verifier's (n, classes), NaN where no gate would ask, and the
    level in the band of cries of each hop, (n + FRAME_HOPS - 1,) dBFS. Frame k ends FRAME_LENGTH + k hops in.
    """

    detector: np.ndarray
    verifier: np.ndarray
    levels_dbfs: np.ndarray


def hear(samples: np.ndarray, detector: Network, verifier: Network, asks: Callable[[Heard], np.ndarray]) -> Heard:
    """Both networks on the frames of a recording, as the pipeline frames it.

    asks: from what is heard without the verifier, the numbers of the frames that it answers to.
    """
    samples = high_passed(np.pad(samples, (0, max(0, FRAME_LENGTH - len(samples)))).astype(np.float32))
    logits = np.concatenate([in_batches(detector, part)[:, 0] for part in detector_inputs(samples)])
    alone = Heard(logits, np.zeros((len(logits), len(CLASSES)), np.float32), cry_levels_dbfs(samples))
    asked = asks(alone)
    answers = np.full((len(logits), len(CLASSES)), np.nan, np.float32)
    answers[asked] = in_batches(verifier, patches(samples, asked))
    return Heard(logits, answers, alone.levels_dbfs)


def wherever_suspicious(heard: Heard, gate: float = LOWEST_GATE) -> np.ndarray:
    """Every frame in which a verifier of this gate, or of a higher one, may be asked; (n,) int."""
    suspicious = np.flatnonzero(heard.detector >= np.log(gate / (1 - gate)))
    held = (suspicious[:, None] + np.arange(FRAME_HOPS + 1)).ravel()
    return np.unique(np.minimum(held, len(heard.detector) - 1)).astype(int)


def as_asked(cascade: Cascade) -> Callable[[Heard], np.ndarray]:
    """asks of hear(): only the frames in which the device would ask."""
    return lambda heard: np.array(follow(heard, cascade)[1], int)


def detector_inputs(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Normalised log-mel of every frame, in parts (n, 98, 64, 1)."""
    frames = sliding_window_view(log_mel(samples), FRAME_COLUMNS, axis=0)[::FRAME_HOP_COLUMNS].transpose(0, 2, 1)
    frames = frames[: count_frames(samples)]
    for first in range(0, len(frames), FRAMES_NORMALISED_AT_ONCE):
        yield normalise(frames[first : first + FRAMES_NORMALISED_AT_ONCE])[..., None]


def count_frames(samples: np.ndarray) -> int:
    """Frames of a recording that lasts one at least."""
    return 1 + (len(samples) - FRAME_LENGTH) // FRAME_HOP


def patches(samples: np.ndarray, frames: Iterable[int]) -> np.ndarray:
    """(n, 96, 64, 1): what the verifier sees at the end of each of these frames."""
    ends = [FRAME_LENGTH + FRAME_HOP * int(frame) for frame in frames]
    seen = [yamnet_patch(samples[end - PATCH_LENGTH : end]) for end in ends]
    return np.stack(seen)[..., None] if seen else np.zeros((0, 96, 64, 1), np.float32)


def in_batches(network: Network, inputs: np.ndarray) -> np.ndarray:
    """A network on many inputs; the last batch is filled up, for networks that take no other size."""
    outputs = []
    for first in range(0, max(1, len(inputs)), FRAMES_AT_ONCE):
        part = inputs[first : first + FRAMES_AT_ONCE]
        filled = np.zeros((FRAMES_AT_ONCE, *inputs.shape[1:]), np.float32)
        filled[: len(part)] = part
        outputs.append(np.asarray(network(filled))[: len(part)])
    return np.concatenate(outputs)


def cry_levels_dbfs(samples: np.ndarray) -> np.ndarray:
    """What the level gate is told at each hop."""
    stream = LogMelStream()
    frame = np.zeros((FRAME_COLUMNS, 64), np.float32)
    levels = []
    for first in range(0, len(samples) - FRAME_HOP + 1, FRAME_HOP):
        stream.push_into(frame, samples[first : first + FRAME_HOP])
        levels.append(power_dbfs(stream.cry_power))
    return np.array(levels)


class Recorded:
    """A verifier that gives recorded answers: what edge.decision.second_opinion asks in place of edge's own."""

    window_length = 0
    probability = Verifier.probability

    def __init__(self, cascade: Cascade, answers: np.ndarray):
        self.cascade = cascade
        self.frame = 0
        self._answers = answers

    def logits(self, samples: None) -> np.ndarray:
        """The recorded answer at the newest frame."""
        return self._answers[self.frame]


def probabilities(heard: Heard, cascade: Cascade | None) -> np.ndarray:
    """p(cry) of every frame before smoothing, (n,), by the device's own rules; cascade: None is the detector alone."""
    if cascade is not None:
        return follow(heard, cascade)[0]
    gate = room_gate(heard)
    listened = np.array([gate.update(level) for level in heard.levels_dbfs[FRAME_HOPS - 1 :]])
    return listened / (1 + np.exp(-heard.detector))


def follow(heard: Heard, cascade: Cascade) -> tuple[np.ndarray, list[int]]:
    """(p(cry) of every frame, numbers of the frames in which the verifier is asked)."""
    gate, verifier = room_gate(heard), Recorded(cascade, heard.verifier)
    opinion = SecondOpinion(verifier, lambda n: None)
    found, asked = np.zeros(len(heard.detector)), []
    for number, (logit, level) in enumerate(zip(heard.detector.tolist(), heard.levels_dbfs[FRAME_HOPS - 1 :].tolist())):
        verifier.frame = number
        if gate.update(level):
            found[number] = opinion.probability(logit)
            if opinion.was_asked:
                asked.append(number)
        else:
            opinion.pass_over()
    return found, asked


def room_gate(heard: Heard) -> LevelGate:
    """The level gate before the first frame, default settings. An open episode keeps no gate open here."""
    settings = load_settings(None).gate
    gate = LevelGate(settings.margin_db, settings.floor_dbfs, FRAME_HOP_S, FRAME_HOPS)
    for level in heard.levels_dbfs[: FRAME_HOPS - 1]:
        gate.update(level)
    return gate


def tflite_network(file: Path) -> Network:
    """A .tflite file of one input and one output as a network on FRAMES_AT_ONCE inputs, one thread of LiteRT."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    source = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(source["index"], [FRAMES_AT_ONCE, *source["shape"][1:]])
    interpreter.allocate_tensors()
    sink = interpreter.get_output_details()[0]["index"]

    def run(inputs: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source["index"], inputs)
        interpreter.invoke()
        return interpreter.get_tensor(sink).copy()

    return run
