"""Keras on TensorFlow, chosen before anything imports it; a few made-up recordings of every corpus."""

import csv
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import pytest  # noqa: E402

RATE = 16000
COLUMNS = ("path", "set", "label", "detector_label", "group_id", "eval_fold", "licence", "licence_class", "platform")
ESC50 = {"crying_baby": 900.0, "laughing": 500.0, "coughing": 250.0, "rain": None}
CAUSES = ("discomfort", "hungry", "tired")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
FOLDS = (1, 2, 3, 4)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """Recordings and their metadata.csv: two groups of each ESC-50 class and cause in each fold, six speakers."""
    soundfile = pytest.importorskip("soundfile")
    folder, rng, rows = tmp_path_factory.mktemp("recordings"), np.random.default_rng(0), []

    def add(corpus, name, label, is_cry, group, fold, tone_hz, seconds, platform=""):
        t = np.arange(int(seconds * RATE)) / RATE
        loud = (np.sin(2 * np.pi * 2 * t) > 0) * 0.2
        tone = np.sin(2 * np.pi * tone_hz * t) if tone_hz else rng.standard_normal(len(t))
        samples = loud * tone + 0.003 * rng.standard_normal(len(t))
        soundfile.write(str(folder / f"{name}.flac"), samples, RATE)
        kind = "cry" if is_cry else "noncry"
        rows.append((f"{name}.flac", corpus, label, kind, group, fold, "none", "open", platform))

    for fold in FOLDS:
        for turn in range(2):
            where = f"{fold}_{turn}"
            for label, tone_hz in ESC50.items():
                group = f"{label}_{where}"
                add("esc50", f"esc_{group}", label, label == "crying_baby", group, fold, tone_hz, 1.5)
            for platform in ("android", "ios"):
                for number, cause in enumerate(CAUSES):
                    group = f"{platform}_{cause}_{where}"
                    add("donateacry", group, cause, True, group, fold, 700.0 + 200 * number, 1.5, platform)
        add("ravdess_sub", f"actor_{fold}", "neutral", False, f"actor_{fold}", fold, 180.0, 1.5)
    for fold, speaker in zip((1, 1, 2, 2, 3, 4), SPEAKERS):
        for digit in range(2):
            for take in range(10):
                name = f"fsdd_{digit}_{speaker}_{take}"
                add("fsdd", name, f"digit_{digit}", False, f"fsdd_{speaker}", fold, 300.0 + 400 * digit, 0.3)
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder
