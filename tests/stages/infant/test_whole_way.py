"""An embedding goes the whole way by the documented commands: trained, exported, enrolled on a device, and scored."""

import csv
import functools
import json
import subprocess
import sys
import threading

import numpy as np
import pytest

keras = pytest.importorskip("keras")
soundfile = pytest.importorskip("soundfile")
pytest.importorskip("tf2onnx")

from edge.frames import SAMPLE_RATE  # noqa: E402
from edge.synthesis import infant_cry  # noqa: E402
from edge.synthesis.signals import to_level  # noqa: E402
from export.command import main as export  # noqa: E402
from training.command import main as train  # noqa: E402
from training.data.cry_corpora import COLUMNS  # noqa: E402

INFANTS, CLIPS, CLIP_S, LENGTH_S = 8, 6, 5, 96
OWN, OTHER = 2, 6
PATIENCE_S = 300
CONFIG = """[audio]
source = "-"
[detector]
bundle = "{0}/bundle"
[store]
path = "{0}/night.db"
[socket]
path = "{0}/s"
[infant]
enabled = true
"""


@functools.cache
def crying_of(infant):
    """A minute and more of one made-up infant's crying at -25 dB, 1-D float32: what is learnt from, then what is heard.

    Its throat is smaller or larger than the next one's: a fifth of an octave, as a recording played faster is.
    """
    faster = 2.0 ** ((infant - INFANTS / 2) / 5)
    made = infant_cry(1.1 * LENGTH_S * faster, np.random.default_rng(infant)).samples
    return to_level(np.interp(faster * np.arange(LENGTH_S * SAMPLE_RATE), np.arange(len(made)), made), -25.0)


def heard_of(infant, number, seconds=16):
    """Crying of an infant that nothing learnt from, between silences that end an event."""
    first = (CLIPS * CLIP_S + number * seconds) * SAMPLE_RATE
    quiet = 1e-4 * np.random.default_rng(number).standard_normal(12 * SAMPLE_RATE)
    return np.concatenate([quiet, crying_of(infant)[first : first + seconds * SAMPLE_RATE], quiet])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a bundle of an embedding that learnt from made-up infants, and a configuration that asks for it."""
    folder = tmp_path_factory.mktemp("home")
    data = folder / "recordings"
    data.mkdir()
    rows = [COLUMNS]
    for infant in range(INFANTS):
        for number in range(CLIPS):
            samples = crying_of(infant)[number * CLIP_S * SAMPLE_RATE :][: CLIP_S * SAMPLE_RATE]
            name = f"infant{infant}_{number}.flac"
            soundfile.write(data / name, samples, SAMPLE_RATE)
            rows.append((name, "made_up", "unlabelled", "cry", f"infant{infant}", 1, "CC0-1.0", "open"))
    with (data / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    learning = ["--folds", "2", "--epochs", "200", "--leave-out-single", "--release"]
    assert train(["infant-id", "--data", str(data), "--out", str(folder / "learnt"), *learning]) == 0
    model, bundle = folder / "learnt" / "model", folder / "bundle"
    assert export(["--target", "rpi-fp32", "--model", str(model), "--out", str(bundle)]) == 0
    (folder / "cry-monitor.toml").write_text(CONFIG.format(folder))
    return folder


def command(home, *words):
    """A command of cry-monitor in that home."""
    words = ["cry-monitor", *map(str, words), "--config", str(home / "cry-monitor.toml")]
    return [
        sys.executable,
        "-c",
        f"import sys; sys.argv = {words!r}; from edge.commands.main import main; sys.exit(main())",
    ]


def run_here(home, *words):
    """What a command prints; it has to succeed."""
    finished = subprocess.run(command(home, *words), text=True, capture_output=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_enrolled_infant_scores_higher_than_another(home):
    monitor = subprocess.Popen(command(home, "run", "--json"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    patience = threading.Timer(PATIENCE_S, monitor.kill)  # of whom nothing is heard
    patience.start()
    try:
        first = events_of(monitor, [heard_of(OWN, number) for number in range(3)])
        assert not any("infant_score" in event for event in first)
        for number in (1, 2, 3):
            run_here(home, "mark", number, "cry")
        assert run_here(home, "enrol").startswith("the infant is enrolled from 3 cries, ")
        own, other = events_of(monitor, [heard_of(OWN, 3), heard_of(OTHER, 3)])
    finally:
        patience.cancel()
        monitor.kill()
        monitor.communicate()
    assert own["infant_score"] > other["infant_score"] + 0.1
    report = json.loads((home / "learnt" / "report.json").read_text())
    assert report["all"]["eer"] < report["all"]["chance"][1]


def events_of(monitor, sounds):
    """The event of each sound, as the monitor prints it once it is over."""
    events = []
    for sound in sounds:
        monitor.stdin.write((32767 * sound).astype("<i2").tobytes())
        monitor.stdin.flush()
        while True:
            message = json.loads(monitor.stdout.readline())
            if message["type"] == "event":
                events.append(message)
                break
    return events
