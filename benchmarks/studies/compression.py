"""What tensor trains cost in quality: recurrent networks of few numbers beside dense ones, large and small.

    python -m benchmarks.studies.compression --data DIR

Spoken digits, one speaker held out at a time; human sounds; cry detection; rows of digits. The dense baseline, an LSTM
and a GRU of 256 units, was fixed beforehand; --wide takes 768. Tensor trains learn from the start, and from the
singular values of the trained baseline. Beside them stand dense networks of fewer units: the smallest that loses at
most 2 points is what a train must beat. Trains of fewer units put into ranks what biases would take. Prints its cost
first and records each network; what is recorded under the same settings is not run again, and what is not asked for
stays as it was recorded. KERAS_BACKEND=torch is several times faster. The larger study is `--every --seed 0 --seed 1
--seed 2 --epochs 40`; `--network "gru 64, d 2, r 4" --seed 1` adds a seed to one network and to its baseline.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.lib.record import add_row, draw, record, recorded, rows_under
from benchmarks.studies.compression_picture import picture
from benchmarks.studies.compression_table import NOISY, UNITS, table
from benchmarks.studies.compression_tasks import TASKS, Task, load_task
from training.compression.imitation import answers_of
from training.compression.tensorised import Recipe, tensorise
from training.data.effects import CLEAN
from training.layers.fused import FusedGRU, FusedLSTM
from training.layers.tensor_train import FusedTT, TTGRUCell, TTLSTMCell
from training.runs import metrics
from training.runs.epochs import batches, n_batches

WORK = Path("results/compression")
BATCH, CLIP_NORM, DROPOUT = 32, 1.0, 0.2
RATE, TRAIN_RATE = 2e-3, 1e-2  # cores need larger steps: a number of the matrix is a product of theirs
WARM_UP = 0.05  # of the steps
WIDE, WIDE_RANK = 768, 2
FEW_UNITS, FEW_UNITS_RANKS = 64, {"lstm": (4, 5), "gru": (4,)}  # biases weigh less, so that ranks may be higher
DENSE, TRAIN = {"lstm": FusedLSTM, "gru": FusedGRU}, {"lstm": TTLSTMCell, "gru": TTGRUCell}


@dataclass(frozen=True)
class Row:
    """One network. cores: of its tensor trains, 0 for dense kernels; svd: it begins with those of the dense one."""

    cell: str
    units: int = UNITS
    cores: int = 0
    rank: int = 0
    gates: str = "concatenated"
    svd: bool = False

    @property
    def name(self) -> str:
        """As tables and folders have it."""
        if not self.cores:
            return f"{self.cell} {self.units}"
        more = ("" if self.gates == "concatenated" else f", {self.gates}") + (", from SVD" if self.svd else "")
        return f"{self.cell} {self.units}, d {self.cores}, r {self.rank}{more}"


def rows_of(cell: str, every: bool) -> list[Row]:
    """The networks of a kind of cell, the baseline first; every: also what lies between."""
    shapes = [(3, 2), (2, 1), (3, 4), (4, 2)] if cell == "lstm" else [(3, 2), (4, 2)]
    if every:
        shapes = [(d, r) for d in (2, 3, 4) for r in (1, 2, 4)]
    trains = [Row(cell, cores=d, rank=r) for d, r in shapes]
    trains += [Row(cell, FEW_UNITS, 2, r) for r in FEW_UNITS_RANKS[cell]]
    others = [Row(cell, cores=3, rank=2, gates=gates) for gates in ("separate", "gate_core")] if every else []
    svd = [Row(cell, cores=d, rank=4, svd=True) for d in ((2, 3) if every else (3,) if cell == "lstm" else ())]
    return [
        Row(cell),
        *(Row(cell, units) for units in ((64, 32, 16, 8) if every else (32, 16, 8) if cell == "lstm" else (32,))),
        *trains,
        *others,
        *svd,
    ]


def wide_rows(cell: str) -> list[Row]:
    """The networks of 768 units, dense first."""
    return [Row(cell, WIDE), *(Row(cell, WIDE, d, WIDE_RANK) for d in (2, 3, 4))]


def asked_for(rows: list[Row], names: list[str] | None) -> list[Row]:
    """Those of a cell that are named, after their baseline; all where none is named, none where others are."""
    if names is None:
        return rows
    named = [row for row in rows if row.name in names and row is not rows[0]]
    return [rows[0], *named] if named else []


def main() -> None:
    """Learn what is not yet learnt and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--task", choices=TASKS, action="append", help="default: fsdd and digits")
    parser.add_argument("--cell", choices=tuple(DENSE), action="append", help="default: both")
    parser.add_argument("--seed", type=int, action="append", help="default: 0 alone")
    parser.add_argument("--clips", type=int, default=30, help="of each digit and speaker, or each parent; images / 50")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--folds", type=int, default=6, help="so many of them, the first")
    parser.add_argument("--every", action="store_true", help="also the shapes and gates that lie between")
    parser.add_argument("--wide", action="store_true", help=f"{WIDE} units instead")
    parser.add_argument("--network", action="append", metavar="NAME", help="as the table has it: this and its baseline")
    arguments = parser.parse_args()
    seeds, cells = arguments.seed or [0], arguments.cell or list(DENSE)
    found = recorded("compression").get("tasks", {})
    for name in arguments.task or ["fsdd", "digits"]:
        task = load_task(name, arguments.data, arguments.clips, arguments.work / "features", arguments.folds)
        study = Study(task, arguments.epochs, arguments.work / f"{name}-{arguments.clips}-{arguments.epochs}")
        by_cell = [wide_rows(c) if arguments.wide else rows_of(c, arguments.every) for c in cells]
        networks = [row for rows in by_cell for row in asked_for(rows, arguments.network)]
        if not networks:
            names = "; ".join(row.name for rows in by_cell for row in rows)
            parser.error(f"no network is called {'; '.join(arguments.network)}, there are {names}")
        print(f"{name}: {study.cost(networks, len(seeds))}", flush=True)
        key = f"{name} {WIDE if arguments.wide else UNITS} {arguments.epochs}"
        rows = rows_under(study.settings(arguments.clips), found.get(key, {}))
        for network in networks:
            study.add(rows, network, seeds)
            found[key] = {"task": name, "settings": study.settings(arguments.clips), "rows": rows}
            figures = {"tasks": {key: found[key] for key in sorted(found, key=place)}}
            record("compression", figures, table(figures))
        draw(f"compression_{key.replace(' ', '_')}", picture(rows, key))


def place(key: str) -> tuple[int, int, int]:
    """Where a task stands in the table, with so many units and epochs."""
    task, units, epochs = key.split()
    return TASKS.index(task), int(units), int(epochs)


def build(row: Row, task: Task) -> keras.Model:
    """(batch, steps, features) -> (batch, labels) logits."""
    inputs = keras.Input(task.heard[CLEAN].shape[1:])
    if row.cores:
        head = FusedTT(TRAIN[row.cell](row.units, row.cores, row.rank, row.gates), name="head")
    else:
        head = DENSE[row.cell](row.units, name="head")
    x = keras.layers.Dropout(DROPOUT)(head(inputs))
    return keras.Model(inputs, keras.layers.Dense(int(task.truth.max()) + 1)(x))


@dataclass(frozen=True)
class Study:
    """What all rows share."""

    task: Task
    epochs: int
    work: Path

    def cost(self, rows: list[Row], n_seeds: int) -> str:
        """What all of it takes, by a few steps of a network of each width."""
        seconds = {}
        known, _ = next(iter(self.task.folds.values()))
        for row in (Row(rows[0].cell, units) for units in sorted({row.units for row in rows})):
            model = self.compiled(row, len(known), self.epochs)
            items = known[:BATCH]
            x, y = self.task.draw(items, np.random.default_rng(0)), self.task.truth[items]
            model.train_on_batch(x, y)
            started = time.perf_counter()
            for _ in range(3):
                model.train_on_batch(x, y)
            seconds[row.units] = (time.perf_counter() - started) / 3
        steps = sum(n_batches(len(known), BATCH) for known, _ in self.task.folds.values()) * self.epochs * n_seeds
        total = sum(seconds[row.units] * steps for row in rows)
        return f"about {total / 60:.0f} minutes on this core, less what is done already"

    def settings(self, n_clips: int) -> dict[str, Any]:
        """What all runs of a record share."""
        rates = {"rate": RATE, "train_rate": TRAIN_RATE, "batch": BATCH, "dropout": DROPOUT}
        return {"clips": n_clips, "epochs": self.epochs, **rates}

    def add(self, rows: list[dict[str, Any]], row: Row, seeds: list[int]) -> None:
        """Add a network's size, and macro-F1 by variant of each fold and seed."""
        own = next((own for own in rows if own["name"] == row.name), None)
        if own is None:
            size = build(row, self.task).get_layer("head").count_params()
            own = {"name": row.name, "cell": row.cell, "train": row.cores > 0, "parameters": size, "runs": []}
            rows.append(own)
            rows.sort(key=lambda one: (list(DENSE).index(one["cell"]), one["train"], -one["parameters"]))
        for seed, fold in itertools.product(seeds, self.task.folds):
            add_row(own["runs"], {"fold": fold, "seed": seed}, functools.partial(self.cell, row, fold, seed))

    def cell(self, row: Row, fold: str, seed: int) -> dict[str, float]:
        """Macro-F1 on a fold that was not learnt from, by variant; what is done is read."""
        folder = self.work / row.name.replace(" ", "").replace(",", "-")
        file = folder / f"{fold}-{seed}.json"
        if not file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            known, tested = self.task.folds[fold]
            model = self.learn(row, known, fold, seed)
            scores = {v: self.score(model, v, tested) for v in (CLEAN, *NOISY) if v in self.task.heard}
            if row == Row(row.cell):
                np.savez(folder / f"{fold}-{seed}.weights.npz", *model.get_weights())
            file.write_text(json.dumps(scores))
            print(f"{row.name}, {fold}, seed {seed}: {scores[CLEAN]:.3f}", flush=True)
        return json.loads(file.read_text())

    def learn(self, row: Row, known: np.ndarray, fold: str, seed: int) -> keras.Model:
        """A network that learnt from the known items; one from singular values learns for half as long."""
        keras.utils.set_random_seed(seed)
        epochs = self.epochs // 2 if row.svd else self.epochs
        model = self.compiled(row, len(known), epochs)
        if row.svd:
            model.set_weights(self.singular_values(row, fold, seed))
        for number in range(epochs):
            rng = np.random.default_rng([seed, number])
            for items in batches(rng.permutation(known), BATCH):
                model.train_on_batch(self.task.draw(items, rng), self.task.truth[items])
        return model

    def compiled(self, row: Row, n_items: int, epochs: int) -> keras.Model:
        """A new network, ready to learn at a rate that rises, then falls along a half cosine."""
        model, steps = build(row, self.task), epochs * n_batches(n_items, BATCH)
        highest, warm_up = TRAIN_RATE if row.cores else RATE, max(1, int(WARM_UP * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, max(1, steps - warm_up), warmup_target=highest, warmup_steps=warm_up
        )
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate, clipnorm=CLIP_NORM), loss)
        return model

    def score(self, model: keras.Model, variant: str, tested: np.ndarray) -> float:
        """Macro-F1 on items as they sound in a variant."""
        truth = self.task.truth[tested]
        said = answers_of(model, self.task.heard[variant][tested]).argmax(axis=1)
        return metrics.macro_f1(metrics.confusion(truth, said, int(self.task.truth.max()) + 1))

    def singular_values(self, row: Row, fold: str, seed: int) -> list[np.ndarray]:
        """The weights of the trained baseline with tensor trains in place of its kernels."""
        dense = Row(row.cell)
        self.cell(dense, fold, seed)
        model = build(dense, self.task)
        with np.load(self.work / dense.name.replace(" ", "") / f"{fold}-{seed}.weights.npz") as stored:
            model.set_weights([stored[name] for name in stored.files])
        return tensorise(model, Recipe(row.cores, row.rank, row.gates, ("head",))).get_weights()


if __name__ == "__main__":
    main()
