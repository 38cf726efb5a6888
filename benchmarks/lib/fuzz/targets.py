"""What is tried: each target makes one wrong input and gives it to what reads it.

A UserError is an answer; so is reading it. Anything else is a fault, and so are a text that is not one line or that
would reach a terminal as a command, a process that dies, and one that does not end.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from benchmarks.lib.fuzz.mutations import VALUES, mutated_bytes, mutated_document, mutated_lines
from edge.audio import open_source
from edge.bench.baseline import compare, read_baseline
from edge.bundle import DEFAULT_BUNDLE_DIR, load_bundle, read_manifest, verify_files
from edge.config import DEFAULT_CONFIG_TEXT, default_settings, load_settings
from edge.doctor.machine import database_finding
from edge.engines.tensorrt.cache import EngineCache, EngineKey
from edge.pipeline import Pipeline
from edge.records import Event, ExpertReading
from edge.store import Health, Minute, Store, Trace
from edge.store.buffered_store import BufferedStore
from edge.store.marks import LAST, marker
from edge.synthesis import infant_cry
from edge.tuning.nights import nights_of
from edge.untrusted import read_arrays

NIGHT_UTC = 1.8e9
CONTAINERS = (
    ("WAV", "PCM_16"),
    ("WAV", "FLOAT"),
    ("WAV", "PCM_24"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
)
SECONDS = 1.5
TOML_VALUES = ("1", "-1", "true", "nan", "inf", "1" + "0" * 400, "'x'", '""', "[" * 3000, "[1, 2]", "{a = 1}",
               "2026-01-01", '"\\u0000"', "'''", "a.b.c = 1", "." * 300, "'\x1b[2J'", "0x" + "f" * 300)  # fmt: skip
CSV_VALUES = ("", "-1", "nan", "9" * 5000, '"', '"a""b"', "\x00", "\x1b[2J", "a" * 200000, "../etc/passwd", "é", "1,2")


Case = Callable[[random.Random, Path], None]


class Analysis:
    """A recording of any container, through the whole pipeline."""

    def __init__(self, folder: Path):
        import soundfile

        self._bundle = load_bundle(DEFAULT_BUNDLE_DIR)
        self._settings = default_settings()
        samples = infant_cry(SECONDS, np.random.default_rng(1)).samples
        self._files = []
        for container, subtype in CONTAINERS:
            path = folder / f"{container}-{subtype}"
            soundfile.write(str(path), samples, 16000, format=container, subtype=subtype)
            self._files.append(path.read_bytes())

    def __call__(self, rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_bytes(rng.choice(self._files), rng))
        with open_source(f"file:{path}") as source:
            pipeline = Pipeline(self._bundle, self._settings)
            try:
                for block in source.blocks():
                    pipeline.push(block)
            finally:
                pipeline.finish()


def configuration(_folder: Path) -> Case:
    """The TOML file of the daemon."""
    text = "\n".join(
        line[1:] if " = " in line and line[1:2] != " " else line for line in DEFAULT_CONFIG_TEXT.split("\n")
    )

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_lines(text, rng, TOML_VALUES))
        load_settings(str(path))

    return case


def manifest(folder: Path) -> Case:
    """manifest.json of a bundle, and what it says of the files."""
    bundle = folder / "bundle"
    shutil.copytree(DEFAULT_BUNDLE_DIR, bundle)
    document = json.loads((bundle / "manifest.json").read_text())

    def case(rng: random.Random, _path: Path) -> None:
        (bundle / "manifest.json").write_bytes(mutated_document(document, rng))
        verify_files(read_manifest(str(bundle)).models, str(bundle))

    return case


def description(_folder: Path) -> Case:
    """model.json of a model that is brought."""
    from export.sources.description import read_description
    from export.sources.model_set import DEFAULT_MODEL_DIR

    documents = [json.loads(path.read_text()) for path in sorted(Path(DEFAULT_MODEL_DIR).glob("*/model.json"))]

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_document(rng.choice(documents), rng))
        read_description(path)

    return case


def arrays(_folder: Path) -> Case:
    """An .npz of tensors, as calibration data is."""
    content = io.BytesIO()
    np.savez_compressed(content, parity=np.ones((4, 98, 64), np.float16), y_parity=np.array([True, False] * 2))

    def case(rng: random.Random, path: Path) -> None:
        read_arrays(mutated_bytes(content.getvalue(), rng), ("parity", "y_parity"), path)

    return case


def calibration(folder: Path) -> Case:
    """The manifest of calibration data."""
    from export.parity.calibration import DEFAULT_CALIBRATION_DIR, read_manifest

    document = json.loads((Path(DEFAULT_CALIBRATION_DIR) / "manifest.json").read_text())

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_document(document, rng))
        read_manifest(path, "log_mel", "detector")

    return case


def database_file(folder: Path) -> Case:
    """The bytes of a database: what reads it says so, the monitor writes on, in it or in a new one."""
    content = _night(folder / "night.db").read_bytes()

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_bytes(content, rng))
        _live_with(path)

    return case


def database_rows(folder: Path) -> Case:
    """Values of its rows, and its schema."""
    night = _night(folder / "rows.db")

    def case(rng: random.Random, path: Path) -> None:
        shutil.copy(night, path)
        with closing(sqlite3.connect(str(path))) as raw:
            tables = ("events", "posteriors", "minutes", "health", "sessions", "facts", "marks", "traces")
            for _ in range(rng.randint(1, 4)):
                table = rng.choice(tables)
                column = rng.choice([row[1] for row in raw.execute(f"PRAGMA table_info({table})")])
                value = rng.choice([v for v in VALUES if not isinstance(v, (list, dict)) and _fits(v)] + [b"\xff\xfe"])
                with suppress(sqlite3.Error):  # a key twice
                    raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid % ? = 0", (value, rng.randint(1, 3)))
            if rng.random() < 0.2:
                raw.execute(f"PRAGMA user_version = {rng.choice((-1, 0, 1, 2, 99))}")
            if rng.random() < 0.1:
                raw.execute(f"ALTER TABLE {rng.choice(tables)} RENAME TO gone")
            raw.commit()
        _live_with(path)

    return case


def corpora(folder: Path) -> Case:
    """metadata.csv of the recordings."""
    from training.data.corpora import COLUMNS, read_corpora

    rows = [f"a{n}.wav,esc50,dog,noncry,g{n},{n % 4 + 1},CC-BY-4.0,open" for n in range(8)]
    text = "\n".join([",".join(COLUMNS), *rows])

    def case(rng: random.Random, path: Path) -> None:
        path.mkdir()
        (path / "metadata.csv").write_bytes(mutated_lines(text, rng, CSV_VALUES))
        read_corpora(path)

    return case


def experiment(_folder: Path) -> Case:
    """The TOML of an experiment of cry-train."""
    from training.causes.config import read_experiment

    text = next((Path(__file__).parents[3] / "training" / "experiments").glob("donateacry_android.toml")).read_text()

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_lines(text, rng, TOML_VALUES))
        read_experiment(path)

    return case


def baseline(_folder: Path) -> Case:
    """An earlier result of edge-bench."""
    rounds = [{"yardstick_ms": 1.0, "p10_ms": {"quiet/gate": 0.1, "crying/detector": 0.4}} for _ in range(5)]
    document = {"per_round": rounds, "board": {"cpu": "x"}, "disturbed": [], "engine": "e", "threads": 1}

    def case(rng: random.Random, path: Path) -> None:
        path.write_bytes(mutated_document(document, rng))
        compare(read_baseline(str(path)), document)

    return case


def engine_cache(_folder: Path) -> Case:
    """What the cache of TensorRT engines holds."""
    key = EngineKey("0" * 64, "8.2", "gpu", "fp16")

    def case(rng: random.Random, path: Path) -> None:
        cache = EngineCache(str(path), "detector")
        cache.keep(key, b"engine", {"seconds": 1.0})
        for file in sorted(path.iterdir()):
            if file.suffix == ".json" and rng.random() < 0.7:
                file.write_bytes(mutated_document(json.loads(file.read_text()), rng))
            elif rng.random() < 0.3:
                file.write_bytes(mutated_bytes(file.read_bytes(), rng))
        cache.find(key)
        cache.timing_cache(key)
        cache.keep(key, b"another", {})

    return case


TARGETS: dict[str, Callable[[Path], Case]] = {
    "analyze": Analysis,
    "configuration": configuration,
    "manifest": manifest,
    "model.json": description,
    "npz": arrays,
    "calibration": calibration,
    "database file": database_file,
    "database rows": database_rows,
    "corpora": corpora,
    "experiment": experiment,
    "baseline": baseline,
    "engine cache": engine_cache,
}


def _night(path: Path) -> Path:
    reading = ExpertReading("ios", {"hungry": 0.6, "tired": 0.4}, 1.5, 0.67, 1.0)
    with Store(str(path)) as store:
        for number in range(20):
            event = Event(0, 5, 0.75, "hungry", 0.6, {"hungry": 0.6, "tired": 0.4}, False, (reading,))
            store.add_event(event, NIGHT_UTC + 60 * number, "mic")
            store.add_minute(Minute(NIGHT_UTC + 60 * number, 60.0, 5.0, -50.0, -20.0, 300, 0, 0))
            store.add_trace(Trace(NIGHT_UTC + 60 * number, NIGHT_UTC + 60 * number + 1.0, b"\xf0" * 6))
        store.add_health(Health(NIGHT_UTC, "hearing", "mic"))
    with marker(str(path)) as opened:
        for number in range(1, 21):
            opened.mark(number, "cry")
    return path


def _fits(value: object) -> bool:
    """Whether SQLite takes it."""
    return not (isinstance(value, int) and value.bit_length() > 63 or isinstance(value, str) and "\ud800" in value)


def _live_with(path: Path) -> None:
    """A monitor's life with a database, and what others read of it."""
    database_finding(str(path))
    with BufferedStore(str(path), default_settings()) as keeper:
        keeper.checkpoint(Event(1, 7, 0.9), NIGHT_UTC + 1e5)
        keeper.add_event(Event(1, 9, 0.9), NIGHT_UTC + 1e5)
        keeper.add_minute(Minute(NIGHT_UTC, 60.0, 4.0, None, None, 0, 0, 0))
        keeper.add_trace(Trace(NIGHT_UTC, NIGHT_UTC, b"\xff"))
        keeper.add_minute(Minute(NIGHT_UTC, 60.0, 4.0, None, None, 0, 0, 0))
        if keeper.trouble:
            raise AssertionError(f"the monitor cannot write: {keeper.trouble}")
    with marker(keeper.path) as opened:
        opened.mark(LAST, "other")
    with Store(keeper.path, read_only=True) as store:
        events, _ = store.events(), nights_of(store, 0.0, "0" * 64)
        store.minutes(), store.health(), store.heard(0, 1e10), store.unheard(0, 1e10, 1.0), store.count()
        if not any(round(event.end_utc - event.start_utc, 3) == 8.0 for event in events):
            raise AssertionError("what the monitor wrote is not there")
