"""A context: a small recurrence over both networks' answers, taught on nights when to raise an alert.

It does not ship: where whole sources are left out it raises more false alarms than p(cry) of each frame alone. Gated
recurrent unit as Keras' (Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014).

Of a cry some moment counts, not each: it has pauses, and its label is for the whole of it. So what is learned from is
the surest moment, of a cry's first two seconds and of all of it, and of every five seconds of other sound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers, ops
from sklearn.linear_model import LogisticRegression

from edge.bundle.model import Cascade
from edge.decision.second_opinion import SecondOpinion
from edge.frames import FRAME_HOP_S, FRAME_HOPS, FRAME_S
from training.data.nights import Cry
from training.verifier.hearing import Heard, Recorded, room_gate
from training.verifier.nights import HeardNight

UNITS = 16
FRAMES = 150  # of a piece of a night: 30 s
OVERLAP = 25  # of pieces of other sound
BEFORE = 40  # frames of a night before its cry
SOON = (1, 12)  # frames after a cry's first whole one in which an alert is early
PART = 25  # frames of other sound of which the surest moment counts
SMOOTHED = 3  # frames: the device's default
LOGIT_SCALE = 4.0  # what divides logits before the recurrence
SHARPNESS = 2.0  # of the maximum
OTHERS_WEIGHT = 3.0
LEAST_SNR_DB = 10  # of cries that are learned from: the surest moment of a fainter one is often that of another sound
OTHERS_PER_CRY = 50.0  # frames of other sound that the verifier is asked about for each of a cry, in a night
STEPS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 600, 64, 3e-3, 1e-3
WEAK_REGULARISATION = 100.0  # scikit-learn's C


SILENT_LOGIT = -12.0  # what a frame counts as that nobody was asked about; no answer counts for less, none for more
REST_STEPS = 50  # of silence, 10 s: then the past is forgotten


class ContextWeights(NamedTuple):
    """In Keras' order: update, reset, candidate; matrices row by row.

    Inputs: the detector's logit, whether the verifier has an answer, its logits. Output: the logit of p(cry).
    """

    units: int
    kernel: list[float]  # (inputs, 3 * units)
    recurrent_kernel: list[float]  # (units, 3 * units)
    bias: list[float]  # (3 * units,)
    recurrent_bias: list[float]  # (3 * units,)
    read_out: list[float]  # (units,)
    skip: list[float]  # (inputs,): what the newest frame counts by itself
    offset: float


@dataclass(frozen=True)
class Pieces:
    """inputs (n, FRAMES, inputs); counts (n, FRAMES, 2): frames of which the surest counts as an early alert, and as
    an alert at all, none of other sound; weight (n,): how often it is drawn.
    """

    inputs: np.ndarray
    counts: np.ndarray
    weight: np.ndarray


def pieces_of(night: HeardNight, cascade: Cascade) -> Pieces:
    """What is learned of a night."""
    rows = given(night.heard, cascade)
    rows[:, [0, *range(2, rows.shape[1])]] /= LOGIT_SCALE
    if night.kind is not None:
        cut = [around(rows, cry) for cry in night.cries]
    else:
        starts = range(0, len(rows), FRAMES - OVERLAP)
        parts = [padded(rows[first : first + FRAMES]) for first in starts]
        cut = [(part, np.zeros((FRAMES, 2))) for part in parts if part[:, 1].any()]  # else nobody suspects anything
    inputs = np.array([part for part, _ in cut], np.float32).reshape(-1, FRAMES, rows.shape[1])
    counts = np.array([count for _, count in cut], np.float32).reshape(-1, FRAMES, 2)
    return Pieces(inputs, counts, np.full(len(cut), 1.0))


def around(rows: np.ndarray, cry: Cry) -> tuple[np.ndarray, np.ndarray]:
    """A cry with what comes before it, and which of its frames count."""
    first = int(round((cry.start_s - FRAME_S) / FRAME_HOP_S))
    length = int(round((cry.end_s - cry.start_s) / FRAME_HOP_S))
    begin = max(0, first - BEFORE)
    counts = np.zeros((FRAMES, 2))
    onset = first - begin + SOON[0]
    counts[onset + 1 : onset + SOON[1], 0] = 1.0
    counts[onset + 1 : onset + 4 + length, 1] = 1.0
    return padded(rows[begin : begin + FRAMES]), counts


def padded(rows: np.ndarray) -> np.ndarray:
    """FRAMES rows, the last one repeated."""
    return np.pad(rows, ((0, FRAMES - len(rows)), (0, 0)), mode="edge")


def joined(nights: Sequence[HeardNight], pieces: Sequence[Pieces]) -> tuple[Pieces, Pieces]:
    """(cries, others) of several nights; a source of many sounds is drawn as often as the root of their number."""
    counts: dict[str, int] = {}
    for night, part in zip(nights, pieces, strict=True):
        if night.source is not None:
            counts[night.source] = counts.get(night.source, 0) + len(part.inputs)
    cries = [part for night, part in zip(nights, pieces) if night.source is None]
    others = [
        Pieces(part.inputs, part.counts, part.weight / np.sqrt(max(1, counts[night.source])))
        for night, part in zip(nights, pieces)
        if night.source is not None
    ]
    return concatenated(cries), concatenated(others)


def concatenated(parts: Sequence[Pieces]) -> Pieces:
    """Several in one."""
    return Pieces(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("inputs", "counts", "weight")))


def build(n_inputs: int, units: int = UNITS) -> keras.Model:
    """(FRAMES, inputs) -> the logit of every frame, (FRAMES, 1)."""
    rows = keras.Input((None, n_inputs))
    state = layers.GRU(units, return_sequences=True, name="recurrence")(rows)
    return keras.Model(rows, layers.Dense(1, name="logit")(layers.Concatenate()([state, rows])))


def alert_loss(counts: Any, logits: Any) -> Any:
    """Cries: no sure moment where one counts. Others, of which no frame counts: a sure moment in any part."""
    smooth = logits[..., 0]
    late = ops.pad(smooth, ((0, 0), (SMOOTHED - 1, 0)))
    smooth = sum(late[:, k : k + ops.shape(smooth)[1]] for k in range(SMOOTHED)) / SMOOTHED
    missed = ops.softplus(-surest(ops.where(counts[..., 0] > 0, smooth, -30.0)))
    missed += ops.softplus(-surest(ops.where(counts[..., 1] > 0, smooth, -30.0)))
    alarms = ops.sum(ops.softplus(surest(ops.reshape(smooth, (-1, FRAMES // PART, PART)))), axis=-1)
    is_cry = ops.max(counts[..., 1], axis=-1)
    return is_cry * missed / 2 + (1 - is_cry) * OTHERS_WEIGHT * alarms


def surest(logits: Any) -> Any:
    """A soft maximum over the last axis."""
    return (ops.logsumexp(SHARPNESS * logits, axis=-1) - np.log(SMOOTHED)) / SHARPNESS


def fit_context(cries: Pieces, others: Pieces, seed: int = 0, steps: int = STEPS) -> ContextWeights:
    """Teach a recurrence, and make its logit that of a probability."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    model = build(cries.inputs.shape[-1])
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=LEARNING_RATE, warmup_steps=steps // 5)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, clipnorm=1.0), loss=alert_loss)
    for _ in range(steps):
        drawn = [
            (part, rng.choice(len(part.inputs), BATCH, p=part.weight / part.weight.sum())) for part in (cries, others)
        ]
        inputs = np.concatenate([part.inputs[rows] for part, rows in drawn])
        model.train_on_batch(inputs, np.concatenate([part.counts[rows] for part, rows in drawn]))
    return weights_of(model, *calibration(model, cries, others))


def drawn_from(pieces: Pieces, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """BATCH pieces: what is given, and what counts of it."""
    rows = rng.choice(len(pieces.inputs), BATCH, p=pieces.weight / pieces.weight.sum())
    return pieces.inputs[rows], pieces.counts[rows]


def calibration(model: keras.Model, cries: Pieces, others: Pieces) -> tuple[float, float]:
    """Scale and bias that make the logits of frames probabilities, of which OTHERS_PER_CRY are no cry's."""
    of_cries = model.predict(cries.inputs, batch_size=256, verbose=0)[..., 0][cries.counts[..., 1] > 0]
    of_others = model.predict(others.inputs, batch_size=256, verbose=0)[..., 0][others.inputs[..., 1] > 0]
    logits = np.concatenate([of_cries, of_others])[:, None]
    is_cry = np.arange(len(logits)) < len(of_cries)
    weight = np.where(is_cry, 1.0 / len(of_cries), 1.0 / len(of_others)) * len(cries.inputs)
    fitted = LogisticRegression(C=WEAK_REGULARISATION).fit(logits, is_cry, sample_weight=weight)
    return float(fitted.coef_[0, 0]), float(fitted.intercept_[0] - np.log(OTHERS_PER_CRY))


def weights_of(model: keras.Model, scale: float, bias: float) -> ContextWeights:
    """As numbers that JSON can carry; LOGIT_SCALE, scale and bias are in them."""
    kernel, recurrent_kernel, biases = (array.astype(float) for array in model.get_layer("recurrence").get_weights())
    read_out, offset = (array.astype(float) for array in model.get_layer("logit").get_weights())
    units = len(recurrent_kernel)
    per_input = np.full(len(kernel), 1.0 / LOGIT_SCALE)
    per_input[1] = 1.0
    numbers = {
        "kernel": kernel * per_input[:, None],
        "recurrent_kernel": recurrent_kernel,
        "bias": biases[0],
        "recurrent_bias": biases[1],
        "read_out": scale * read_out[:units, 0],
        "skip": scale * read_out[units:, 0] * per_input,
    }
    return ContextWeights(
        units=units,
        offset=round(float(scale * offset[0] + bias), 6),
        **{name: [round(float(x), 6) for x in array.ravel()] for name, array in numbers.items()},
    )


class Remembered(Recorded):
    """Recorded answers, of which the newest is remembered."""

    newest: np.ndarray

    def logits(self, samples: None) -> np.ndarray:
        self.newest = super().logits(samples)
        return self.newest


def given(heard: Heard, cascade: Cascade) -> np.ndarray:
    """What a context is given at every frame, (n, 2 + classes): the detector's logit, whether there is an answer of the
    verifier, its logits.
    """
    gate, verifier = room_gate(heard), Remembered(cascade, heard.verifier)
    opinion = SecondOpinion(verifier, lambda n: None)
    rows = np.zeros((len(heard.detector), 2 + heard.verifier.shape[1]))
    rows[:, 0] = SILENT_LOGIT
    for number, (logit, level) in enumerate(zip(heard.detector.tolist(), heard.levels_dbfs[FRAME_HOPS - 1 :].tolist())):
        verifier.frame = number
        if not gate.update(level):
            opinion.pass_over()
            continue
        opinion.probability(logit, is_crying=True)  # an answer every 0.6 s, as when contexts were tried
        rows[number, 0] = min(max(logit, SILENT_LOGIT), -SILENT_LOGIT)
        if opinion.is_verified:
            rows[number, 1:] = 1.0, *verifier.newest
    return rows


def in_context(recordings: Sequence[np.ndarray], weights: ContextWeights) -> list[np.ndarray]:
    """p(cry) of every frame of several recordings, side by side: what a context makes of their given() rows."""
    kernel = np.reshape(weights.kernel, (-1, 3 * weights.units))
    recurrent = np.reshape(weights.recurrent_kernel, (weights.units, -1)), np.array(weights.recurrent_bias)
    longest, units = max(map(len, recordings)), weights.units
    rows = np.zeros((longest, len(recordings), len(kernel)))
    rows[..., 0] = SILENT_LOGIT
    for number, recording in enumerate(recordings):
        rows[: len(recording), number] = recording
    is_silent = (rows[..., 0] <= SILENT_LOGIT) & (rows[..., 1] == 0.0)
    heard = rows @ kernel + weights.bias
    logits = rows @ np.array(weights.skip) + weights.offset
    silence = np.eye(len(kernel))[0] * SILENT_LOGIT @ kernel + weights.bias
    rest = np.zeros(units)
    for _ in range(4 * REST_STEPS):
        rest = stepped(rest, silence, *recurrent)
    state, silent_steps = np.tile(rest, (len(recordings), 1)), np.full(len(recordings), REST_STEPS)
    for step in range(longest):
        state = stepped(state, heard[step], *recurrent)
        silent_steps = np.where(is_silent[step], silent_steps + 1, 0)
        state[silent_steps >= REST_STEPS] = rest
        logits[step] += state @ np.array(weights.read_out)
    found = np.where(is_silent, 0.0, 0.5 + 0.5 * np.tanh(0.5 * logits))
    return [found[: len(recording), number] for number, recording in enumerate(recordings)]


def stepped(state: np.ndarray, heard: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The next state (..., units): heard (..., 3 * units), what a frame's inputs come to; kernel, bias: recurrent."""
    units = len(kernel)
    remembered = state @ kernel + bias
    gates = 0.5 + 0.5 * np.tanh(0.5 * (heard[..., : 2 * units] + remembered[..., : 2 * units]))  # sigmoid
    fresh = np.tanh(heard[..., 2 * units :] + gates[..., units:] * remembered[..., 2 * units :])
    return gates[..., :units] * (state - fresh) + fresh
