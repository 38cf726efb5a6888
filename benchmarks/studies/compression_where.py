"""Do tensor trains help what ships? A CNN, a Transformer and a recurrent head, beside other ways of the same bytes.

    python -m benchmarks.studies.compression_where --data DIR

The detector (a depthwise-separable CNN) and the Transformer that ship are made smaller to the same bytes in four ways:
tensor trains, pruned kernels (the largest weights, two bytes for the place of each), kernels of int8 (a quarter, no
less), and a narrower detector from the start. The detector's then learn to answer as it did, all on the same frames for
as many steps; the Transformer's are as they come, since learning takes hours of a CPU. Of an expert of causes the
Legendre memory and its classifier become smaller, the encoder before them stays. How alike answers are is judged on
recordings that were not learnt from. Prints its cost first; models that are not asked for stay as they were recorded.
`--learn-transformer` is the larger study.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers

from benchmarks.lib.record import record, recorded, rows_under
from benchmarks.studies.compression_heads import EXPERTS, columns_of, head_model
from training.adaptation.moments import normalisations, take_moments
from training.compression.compressed import alike
from training.compression.imitation import answers_of
from training.compression.tensorised import Recipe, chosen_layers, kernels_of, tensorise
from training.data.log_mel_frames import frames_of
from training.data.selection import DataConfig, choose_clips
from training.detector.model import BLOCKS, STEM_CHANNELS
from training.layers.factorisation import tensor_train
from training.runs.release import read_source_model

MODELS = Path("training/models")
EVERY = ("detector", "transformer", *EXPERTS)
JUDGED_FOLD = 1
HEAD_STEPS = 4  # of an expert's head for each of a detector, which costs as much more
SHARES = (4, 12)  # bytes of the kernels become this many times fewer
RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
PRUNED_BYTES = 6  # of a weight that is kept: itself in fp32, and where it is
BATCH, RATE = 48, 2e-3
ROUNDED = "int8 kernels"
MOMENTS = 400  # frames from which moments are taken after learning


def main() -> None:
    """Compress, teach, compare and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", choices=EVERY, action="append", help="default: all")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--learn-transformer", action="store_true")
    arguments = parser.parse_args()
    asked, settings = arguments.model or list(EVERY), {"steps": arguments.steps}
    rows = [row for row in rows_under(settings, recorded("compression_where")) if row["model"] not in asked]
    for name in asked:
        steps = arguments.steps if name != "transformer" or arguments.learn_transformer else 0
        model, description = read_source_model(MODELS / name)
        if name in EXPERTS:
            steps *= HEAD_STEPS
            known, unheard = columns_of(model, description, arguments.data, JUDGED_FOLD)
            model = head_model(model)
        else:
            known, unheard = material(arguments.data)
        said = answers_of(model, known) if steps else None
        if steps:
            print(f"{name}: {cost(model, known, said, steps)}", flush=True)
        for row, small, keep in candidates(name, model):
            before = alike(answers_of(model, unheard), answers_of(small, unheard))
            after = None
            if steps and row["way"] != ROUNDED:  # rounding needs no learning, and would not outlast it
                teach(small, known, said, steps, keep)
                after = alike(answers_of(model, unheard), answers_of(small, unheard))
            rows.append({"model": name, **row, "before": before, "after": after})
            print(rows[-1], flush=True)
    rows.sort(key=lambda row: EVERY.index(row["model"]))
    record("compression_where", {"settings": settings, "rows": rows}, table(rows))


def material(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Frames (n, 98, 64, 1) of cries and other sounds to learn on, and of groups that are judged."""
    parts = []
    clips = choose_clips(data, DataConfig(("esc50", "donateacry"), "eval_fold"))
    for judged in (False, True):
        own = [clip for clip in clips if (clip.eval_fold == JUDGED_FOLD) == judged]
        own = [clip for number, clip in enumerate(own) if number % (3 if judged else 4) == 0]
        frames = frames_of(own)
        parts.append(frames.take(np.arange(0, len(frames.owner), 2)))
    return parts[0], parts[1]


def candidates(name: str, model: keras.Model) -> list[tuple[dict[str, Any], keras.Model, Any]]:
    """(what it is, the smaller model, what is to be done after each step of learning)."""
    found = []
    whole = 4 * kernel_numbers(model)
    for share in SHARES:
        budget = whole / share
        ranks = [rank for rank in RANKS if 4 * train_numbers(model, rank) <= budget]
        if ranks:
            small = tensorise(model, Recipe(2, ranks[-1], layers=tuple(compressed_layers(model))))
            entry = {"way": f"tensor trains, d 2, r {ranks[-1]}", "bytes": 4 * kernel_numbers(small)}
            found.append((entry, small, None))
        pruned = copy_of(model)
        masks = pruning_masks(pruned, budget / PRUNED_BYTES / (whole / 4))
        apply_masks(pruned, masks)
        found.append(({"way": "pruned", "bytes": int(budget)}, pruned, lambda m, masks=masks: apply_masks(m, masks)))
        if share == 4:
            found.append(({"way": ROUNDED, "bytes": int(budget)}, rounded(model), None))
        if name == "detector":
            narrow = narrower(budget / 4)
            found.append(({"way": "narrower, from the start", "bytes": 4 * kernel_numbers(narrow)}, narrow, None))
    return [({**entry, "share": round(whole / entry["bytes"], 1)}, small, keep) for entry, small, keep in found]


def compressed_layers(model: keras.Model) -> set[str]:
    """The layers that become smaller with the lowest rank, the same for every rank."""
    return chosen_layers(model, Recipe(2, 1))


def kernel_numbers(model: keras.Model) -> int:
    """Trained numbers but those of normalisations and biases, which no way makes smaller."""
    weights = [w for layer in model.layers for w in layer.trainable_weights if len(w.shape) > 1]
    return sum(int(np.prod(w.shape)) for w in weights)


def train_numbers(model: keras.Model, rank: int) -> int:
    """kernel_numbers of the model with tensor trains of two cores and that rank."""
    shapes = [kernel.shape[-2:] for kernel in large_kernels(model)]
    trains = sum(tensor_train(rows, columns, 2, rank).parameters for rows, columns in shapes)
    return kernel_numbers(model) - sum(rows * columns for rows, columns in shapes) + trains


def copy_of(model: keras.Model) -> keras.Model:
    """The same model once more."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def large_kernels(model: keras.Model) -> list[Any]:
    """The kernels that tensor trains stand for."""
    chosen = compressed_layers(model)
    return [kernel for layer in model.layers if layer.name in chosen for kernel in kernels_of(layer)]


def pruning_masks(model: keras.Model, share: float) -> list[np.ndarray]:
    """Of each kernel which weights stay: its largest, the same part of each, so many that the model has the bytes.

    The largest of all kernels together would leave some kernels empty, and a network that says one thing.
    """
    kernels = [np.abs(keras.ops.convert_to_numpy(kernel)) for kernel in large_kernels(model)]
    others = kernel_numbers(model) - sum(kernel.size for kernel in kernels)
    kept = max(0.0, share * kernel_numbers(model) - others * 4 / PRUNED_BYTES) / sum(k.size for k in kernels)
    return [(kernel > np.quantile(kernel, 1 - min(1.0, kept))).astype(np.float32) for kernel in kernels]


def apply_masks(model: keras.Model, masks: list[np.ndarray]) -> None:
    """Set the weights that do not stay to zero."""
    for kernel, mask in zip(large_kernels(model), masks, strict=True):
        kernel.assign(kernel * mask)


def rounded(model: keras.Model) -> keras.Model:
    """Kernels as int8 holds them, a scale for each output."""
    copy = copy_of(model)
    for weight in (w for layer in copy.layers for w in layer.trainable_weights if len(w.shape) > 1):
        values = keras.ops.convert_to_numpy(weight)
        scale = np.abs(values).max(axis=tuple(range(values.ndim - 1)), keepdims=True) / 127
        weight.assign(np.round(values / np.maximum(scale, 1e-12)) * scale)
    return copy


def narrower(numbers: float) -> keras.Model:
    """The detector's architecture with as many fewer channels as the numbers of its kernels ask for."""
    keras.utils.set_random_seed(0)
    for width in np.arange(1.0, 0.05, -0.02):
        channels = [max(2, round(width * c)) for c, _ in BLOCKS]
        x = frame = keras.Input((98, 64, 1))
        x = layers.Conv2D(max(2, round(width * STEM_CHANNELS)), 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
        for count, (_, stride) in zip(channels, BLOCKS, strict=True):
            x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
            x = layers.Conv2D(count, 1, use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
        model = keras.Model(frame, layers.Dense(1)(layers.GlobalAveragePooling2D()(x)))
        if kernel_numbers(model) <= numbers:
            break
    return model


def teach(model: keras.Model, x: np.ndarray, said: np.ndarray, steps: int, keep: Any) -> None:
    """So many steps towards the large model's logits."""
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)), "mse")
    rng = np.random.default_rng(0)
    for _ in range(steps):
        rows = rng.integers(0, len(x), BATCH)
        model.train_on_batch(x[rows], said[rows])
        if keep is not None:
            keep(model)
    if normalisations(model):
        take_moments(model, x[:MOMENTS])  # few steps do not move them


def cost(model: keras.Model, x: np.ndarray, said: np.ndarray, steps: int) -> str:
    """What learning takes, by one step."""
    copy = copy_of(model)
    teach(copy, x, said, 1, None)
    started = time.perf_counter()
    teach(copy, x, said, 1, None)
    minutes = (time.perf_counter() - started) * steps * (3 * len(SHARES) + 1) / 60
    return f"about {minutes:.0f} minutes on this core"


def table(rows: list[dict[str, Any]]) -> str:
    """Each model and way as Markdown."""
    lines = [
        "| model | way | bytes of its kernels | times fewer | same answer as before, as it comes | after it learnt |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        shown = f"cause expert (LMU), {row['model']}" if row["model"] in EXPERTS else row["model"]
        start = f"| {shown} | {row['way']} | {row['bytes']:,} | {row['share']} | "
        lines.append(f"{start}{answers(row['before'])} | {answers(row['after'])} |")
    return "\n".join([*lines, "", "Error: root mean square of logits. Posteriors: the mean of the largest difference."])


def answers(found: dict[str, float] | None) -> str:
    """How alike answers are, as the table shows it."""
    if found is None:
        return ""
    posterior = f", posteriors {found['posterior_error']:.2f}" if "posterior_error" in found else ""
    return f"{found['agreement']:.1%}, error {found['rms_error']:.2f}{posterior}"


if __name__ == "__main__":
    main()
