"""`cry-train detector`: teach the detector, round by round; a round can be interrupted and resumed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from edge.frames import FRAME_COLUMNS, FRAME_HOP_COLUMNS
from training.data.corpora import NONCRY
from training.data.spectra import normalise
from training.detector.config import Schedule
from training.detector.material import Bank
from training.detector.model import build_detector, with_teacher_head
from training.detector.sampling import SCORE_FLOOR, Batch, Sampler, adapt_teacher
from training.layers.fused import FusedBatchNormalization
from training.layers.yamnet import CRY_CLASSES, N_CLASSES
from training.runs import checkpoints

BATCHES_AHEAD = 4
FRAMES_AT_ONCE = 1024
MINING_COLUMNS = 70  # 0.7 s between the frames that are looked at for hard negatives


def train_detector(bank: Bank, schedule: Schedule, checkpoint_dir: Path) -> keras.Model:
    """Train on every clip of the bank; resumes from checkpoint_dir. Returns the detector without teacher head."""
    checkpoint_dir.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(schedule.seed)
    first_round = 0
    same = {"schedule": asdict(schedule), "clips": len(bank.clips)}
    file, progress = checkpoints.kept(checkpoint_dir) or (None, {})
    if file and {**progress, **same} == progress:
        first_round = progress["rounds_done"]
        model = keras.saving.load_model(file)
        print(f"resuming after round {first_round} of {schedule.rounds}")
    if first_round == 0:
        model = compiled(schedule, teach=bank.teacher is not None)

    adapted = adapt_teacher(bank)
    for number in range(first_round, schedule.rounds):
        sampler = Sampler(bank, adapted, seed=1000 * schedule.seed + number)
        if number:
            sampler.mine(largest_probabilities(model, bank))
        train_round(model, sampler, schedule, number)
        checkpoints.keep(checkpoint_dir, number + 1, model, {**same, "rounds_done": number + 1})
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return detector_of(model)


def compiled(schedule: Schedule, teach: bool) -> keras.Model:
    """The model with its losses: the cry logit, and the teacher's class scores where there is a teacher."""
    model = build_detector(FusedBatchNormalization)
    if teach:
        model = with_teacher_head(model, N_CLASSES)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            0.0, schedule.steps, warmup_target=schedule.learning_rate, warmup_steps=schedule.steps // 20, alpha=0.01
        ),
        weight_decay=schedule.weight_decay,
        use_ema=True,
        ema_momentum=schedule.ema_momentum,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    if teach:
        model.compile(
            optimizer,
            loss={"cry": binary, "teacher": keras.losses.BinaryCrossentropy(from_logits=True)},
            loss_weights={"cry": 1.0, "teacher": schedule.teacher_weight},
        )
    else:
        model.compile(optimizer, loss=binary)
    return model


def train_round(model: keras.Model, sampler: Sampler, schedule: Schedule, number: int) -> None:
    """One round of steps, with a line of progress."""
    started, losses = time.perf_counter(), []
    for batch in batches_ahead(sampler, schedule.batch_size, schedule.steps_per_round):
        targets = batch.cry if batch.teacher is None else {"cry": batch.cry, "teacher": batch.teacher}
        losses.append(np.atleast_1d(model.train_on_batch(batch.frames, targets))[0])
    seconds = time.perf_counter() - started
    rate = schedule.steps_per_round * schedule.batch_size / seconds
    print(
        f"round {number + 1}/{schedule.rounds}  loss {float(losses[-1]):.4f}  {seconds:.0f} s  {rate:.0f} frames/s",
        flush=True,
    )


def batches_ahead(sampler: Sampler, size: int, n_batches: int) -> Iterator[Batch]:
    """Batches made by a second thread while the first one trains. Raises what making one raises."""
    pending: deque[Future[Batch]] = deque()
    with ThreadPoolExecutor(1) as thread:
        try:
            for number in range(n_batches):
                while len(pending) < min(BATCHES_AHEAD, n_batches - number):
                    pending.append(thread.submit(sampler.batch, size))
                yield pending.popleft().result()
        finally:
            thread.shutdown(wait=False, cancel_futures=True)


def detector_of(model: keras.Model) -> keras.Model:
    """The detector inside a model with a teacher head: one input, one logit, plain layers."""
    logit = model.output["cry"] if isinstance(model.output, dict) else model.output
    plain = build_detector()
    plain.set_weights(keras.Model(model.input, logit).get_weights())
    return plain


def largest_probabilities(model: keras.Model, bank: Bank) -> np.ndarray:
    """The largest cry probability within each negative clip, on a coarse grid of its clean recording; (clips,).

    With a teacher it is half the detector's own and half the cascade's, whose second opinion the teacher is: what both
    take for a cry is drawn most.
    """
    detector = detector_of(model)
    starts, owners = [], []
    for number, clip in enumerate(bank.clips):
        if clip.detector_label == NONCRY:
            first = bank.first_column[number]
            begin = np.arange(first, first + max(1, bank.n_columns[number] - FRAME_COLUMNS), MINING_COLUMNS)
            begin = begin[begin + FRAME_COLUMNS <= len(bank.log_energies["clean"])]
            starts.append(begin)
            owners.append(np.full(len(begin), number))
    start, owner = np.concatenate(starts), np.concatenate(owners)
    largest = np.zeros(len(bank.clips))
    for first in range(0, len(start), FRAMES_AT_ONCE):
        part = slice(first, first + FRAMES_AT_ONCE)
        frames = bank.log_energies["clean"][start[part, None] + np.arange(FRAME_COLUMNS)].astype(np.float32)
        logits = detector.predict_on_batch(normalise(frames)[..., None])[:, 0]
        probability = sigmoid(logits)
        if bank.teacher is not None:
            heard = teacher_cry_logits(bank, start[part], owner[part])
            probability = (probability + sigmoid((logits + heard) / 2)) / 2
        np.maximum.at(largest, owner[part], probability)
    return largest


def teacher_cry_logits(bank: Bank, start: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """The teacher's logit of crying, the mean of its two classes, for frames that begin in a column; (n,)."""
    assert bank.teacher is not None
    window = np.minimum((start - bank.first_column[owner]) // FRAME_HOP_COLUMNS, bank.n_windows[owner] - 1)
    scores = bank.teacher[bank.first_window[owner] + window][:, CRY_CLASSES].astype(np.float32)
    scores = np.clip(scores, SCORE_FLOOR, 1 - SCORE_FLOOR)
    return np.log(scores / (1 - scores)).mean(axis=1)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logits))."""
    return 1 / (1 + np.exp(-logits))
