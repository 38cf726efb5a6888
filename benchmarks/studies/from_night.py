"""What a detector that is fitted to a home's own night gains there: false alarms and cries found, before and after.

    python -m benchmarks.studies.from_night --data DIR

A home is a room, a microphone or a fan that the detector never heard; what sounds there are clips of one fold, mixed to
an hour with 60 cries of 3 to 6 s at 5 dB. The detector that ships is fitted to another such hour, of other clips in the
same home, by `cry-train adapt --from-night` with a tenth or three tenths of its moments, exported, and heard through
the device's own path, alone and with the verifier. The detector has learnt from most of these clips, though not in
these homes: differences count, not heights. Prints its cost first; interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

from benchmarks.lib.record import record
from benchmarks.lib.statistics import poisson_rate, share_by_group
from edge.bundle import Bundle, load_bundle
from edge.errors import UserError
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.pipeline import Pipeline
from edge.records import Event
from export.exporter import export_bundle
from export.parity.calibration import DEFAULT_CALIBRATION_DIR
from export.sources.model_set import DEFAULT_MODEL_DIR
from export.targets import TARGETS
from training.adaptation.night import night_of, with_night
from training.data import augmentation
from training.data.corpora import Clip, read_corpora
from training.data.nights import SINGLE, Night, mix_night
from training.runs.release import read_source_model, write_source_model

WORK = Path("results/from_night")
MODEL_DIR = DEFAULT_MODEL_DIR / "detector"
SHARES = (0.0, 0.1, 0.3)  # of the home's moments; 0: as it ships
HOUR_S = 3600.0
SNR_DB = 5.0
MARGIN_S = 1.0  # an event so near a cry is of it
FAN_DBFS = -45.0
FOLDS = 4
TRIED_S = 120.0  # of a night, to tell the cost


def narrow_room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberant, through a microphone for speech."""
    return augmentation.band_limit(augmentation.room(samples, rng), rng.uniform(50, 400), rng.uniform(2800, 6000))


def coloured(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Reverberant, through a cheap microphone."""
    return augmentation.microphone_colour(augmentation.room(samples, rng), rng)


def with_fan(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Over steady noise that falls by 6 dB an octave from 200 Hz on."""
    noise = np.fft.rfft(rng.standard_normal(len(samples)))
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    fan = np.fft.irfft(noise / np.maximum(hz, 200.0), len(samples))
    return (samples + 10 ** (FAN_DBFS / 20) * fan / augmentation.rms(fan)).astype(np.float32)


HOMES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "a narrow-band room": narrow_room,
    "a coloured room": coloured,
    "a fan": with_fan,
}


def main() -> None:
    """Fit and hear what is not yet done and record the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=WORK)
    parser.add_argument("--seed", type=int, action="append", help="of a home, its sounds a fold's; default: 0 and 1")
    arguments = parser.parse_args()
    seeds, clips = arguments.seed or [0, 1], read_corpora(arguments.data)
    print(cost(clips, len(seeds)), flush=True)
    rows: list[dict[str, Any]] = []
    for home in HOMES:
        for seed in seeds:
            own = of_home(clips, home, seed, arguments.work)
            rows += [{"home": home, "seed": seed, **row} for row in own]
            print(f"{home}, seed {seed} done", flush=True)
    figures = {"seeds": seeds, "hours": len(seeds) * HOUR_S / 3600, "rows": rows}
    record("from_night", figures, table(figures))


def cost(clips: list[Clip], n_seeds: int) -> str:
    """What all of it takes, by two minutes of a night."""
    bundle, night = load_bundle(), at_home(clips, "a fan", 0, 0, TRIED_S * 6)
    started = time.perf_counter()
    heard(bundle._replace(experts=[], denoiser=None), night.samples[: int(TRIED_S * SAMPLE_RATE)])
    seconds = (time.perf_counter() - started) * HOUR_S / TRIED_S * len(SHARES) * 2 * len(HOMES) * n_seeds
    return f"about {seconds / 60:.0f} minutes of hearing on this core, and two for each of {n_seeds * len(HOMES)} homes"


def at_home(clips: list[Clip], home: str, seed: int, fold: int, seconds: float) -> Night:
    """A night of a fold's clips as it sounds in a home; its microphone and room follow from the seed alone."""
    own = [clip for clip in clips if clip.eval_fold == 1 + fold % FOLDS]
    night = mix_night(own, seconds, SNR_DB, 100 * seed + fold, SINGLE)
    samples = HOMES[home](night.samples, np.random.default_rng([seed, list(HOMES).index(home)]))
    return Night(np.clip(samples, -1.0, 1.0).astype(np.float32), night.cries)


def of_home(clips: list[Clip], home: str, seed: int, work: Path) -> list[dict[str, Any]]:
    """What each detector makes of one home's hour; what is done is read."""
    file = work / f"{home.replace(' ', '-')}-{seed}.json"
    if file.is_file():
        return json.loads(file.read_text())
    model, description = read_source_model(MODEL_DIR)
    fitted_to = night_of(at_home(clips, home, seed, seed + 1, HOUR_S).samples, model, 64)
    night, shipped, rows = at_home(clips, home, seed, seed, HOUR_S), load_bundle(), []
    for share in SHARES:
        try:
            detector = exported(with_night(model, fitted_to, share), description) if share else shipped
        except UserError as error:
            rows.append({"share": share, "verifier": None, "refused": str(error)})
            continue
        for verifier in (None, shipped.verifier):
            bundle = shipped._replace(detector=detector.detector, verifier=verifier, experts=[], denoiser=None)
            rows.append(
                {"share": share, "verifier": verifier is not None, **judged(heard(bundle, night.samples), night)}
            )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def exported(model: Any, description: dict[str, Any]) -> Bundle:
    """The bundle that edge-export makes of a detector. Raises UserError where it is refused."""
    with tempfile.TemporaryDirectory(prefix="from-night-") as folder:
        source, out = Path(folder) / "source", Path(folder) / "bundle"
        source.mkdir()
        model.save(Path(folder) / "fitted.keras")
        described = {key: value for key, value in description.items() if key != "metrics"}
        write_source_model(Path(folder) / "fitted.keras", described, source)
        report = export_bundle(TARGETS["rpi-fp32"], source, DEFAULT_CALIBRATION_DIR, out, lambda line: None)
        if not report["written"]:
            raise UserError("; ".join(text for row in report["files"] for text in row["violations"]))
        return load_bundle(out)


def heard(bundle: Bundle, samples: np.ndarray) -> list[Event]:
    """The events of a night, by the device's own path."""
    pipeline, records = Pipeline(bundle), []
    for first in range(0, len(samples), FRAME_HOP):
        records += pipeline.push(samples[first : first + FRAME_HOP])
    return [record for record in records + pipeline.finish() if isinstance(record, Event)]


def judged(events: list[Event], night: Night) -> dict[str, Any]:
    """Events that are of no cry, and which cries were found."""

    def is_of(event: Event, cry: Any) -> bool:
        return event.start_s < cry.end_s + MARGIN_S and event.end_s > cry.start_s - MARGIN_S

    return {
        "false_alarms": sum(not any(is_of(event, cry) for cry in night.cries) for event in events),
        "found": [any(is_of(event, cry) for event in events) for cry in night.cries],
        "groups": [cry.group_id for cry in night.cries],
    }


def table(figures: dict[str, Any]) -> str:
    """The rows as Markdown."""
    lines = [
        f"{len(figures['seeds'])} home(s) of each kind, an hour in each, heard after another hour there was fitted to.",
        "",
        "| home | model | moments of the home | false alarms an hour, 95 % interval | cries found, 95 % interval |",
        "|---|---|---|---|---|",
    ]
    for home in HOMES:
        for has_verifier in (False, True):
            for share in SHARES:
                all_rows = [row for row in figures["rows"] if (row["home"], row["share"]) == (home, share)]
                own = [row for row in all_rows if row["verifier"] is has_verifier]
                refused = sum("refused" in row for row in all_rows)
                name = "with the verifier" if has_verifier else "detector alone"
                cells = [
                    home,
                    name,
                    "none" if not share else f"{share:.0%}",
                    *shown(own, len(own), figures["seeds"][0]),
                ]
                lines.append(f"| {' | '.join(cells)}{f', {refused} refused by export' if refused else ''} |")
    return "\n".join(lines)


def shown(rows: list[dict[str, Any]], hours: float, seed: int) -> list[str]:
    """Rates of some homes together."""
    if not rows:
        return ["-", "-"]
    rate, low, high = poisson_rate(sum(row["false_alarms"] for row in rows), hours * HOUR_S / 3600)
    found = np.array([one for row in rows for one in row["found"]])
    share, least, most = share_by_group(found, [group for row in rows for group in row["groups"]], seed)
    return [f"{rate:.1f} ({low:.1f} to {high:.1f})", f"{share:.0%} ({least:.0%} to {most:.0%})"]


if __name__ == "__main__":
    main()
