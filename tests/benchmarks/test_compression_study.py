"""The study of tensor trains adds seeds and folds to what is recorded, and pairs every run with the baseline's own."""

import json
import sys

import pytest

pytest.importorskip("keras")
pytest.importorskip("sklearn")

from benchmarks.lib import record  # noqa: E402
from benchmarks.studies import compression, compression_table  # noqa: E402
from benchmarks.studies.compression_picture import picture  # noqa: E402


@pytest.fixture
def study(monkeypatch, tmp_path):
    """run(*flags) -> figures of rows of digits, two small networks; results into a folder of their own."""
    networks = [compression.Row("lstm", 4), compression.Row("lstm", 4, 2, 1)]
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(compression, "rows_of", lambda cell, every: networks)

    def run(*flags, epochs=1):
        options = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--task", "digits", "--cell", "lstm"]
        monkeypatch.setattr(sys, "argv", ["compression", *options, "--clips", "1", "--epochs", str(epochs), *flags])
        compression.main()
        return json.loads((tmp_path / "results" / "compression.json").read_text())["tasks"][f"digits 256 {epochs}"]

    return run


def test_seeds_add_up_without_being_run_again_and_other_epochs_stand_beside_them(study, monkeypatch):
    first = study("--folds", "2", "--seed", "0")
    learnt = []
    monkeypatch.setattr(compression.Study, "cell", lambda self, row, fold, seed: learnt.append(seed) or {"clean": 0.5})
    both = study("--folds", "2", "--seed", "0", "--seed", "1")
    assert set(learnt) == {1}
    for before, after in zip(first["rows"], both["rows"], strict=True):
        assert after["runs"][:2] == before["runs"]
        assert [(run["fold"], run["seed"]) for run in after["runs"][2:]] == [("0", 1), ("1", 1)]
    assert all(len(row["runs"]) == 2 for row in study("--folds", "2", "--seed", "0", epochs=2)["rows"])
    assert study("--folds", "2", "--seed", "0") == both


def test_points_lost_are_paired_by_fold_and_seed_whatever_their_order():
    base = {"name": "lstm 256", "cell": "lstm", "train": False, "parameters": 1000, "runs": [
        {"fold": fold, "seed": seed, "clean": score} for fold, seed, score in
        (("a", 0, 0.9), ("b", 0, 0.8), ("a", 1, 0.7), ("b", 1, 0.6))]}  # fmt: skip
    row = {**base, "name": "lstm 256, d 2, r 1", "train": True, "parameters": 10, "runs": [
        {**run, "clean": run["clean"] - 0.1} for run in reversed(base["runs"])]}  # fmt: skip
    assert compression_table.lost(row, base) == pytest.approx([0.1, 0.1])
    fewer = {**row, "runs": row["runs"][:3]}
    assert "3 of 4 runs" in compression_table.line(fewer, base)


def test_a_named_network_is_run_beside_its_baseline_alone_and_an_unknown_name_is_refused(study, capsys):
    flags = ("--folds", "1", "--network")
    assert [row["name"] for row in study(*flags, "lstm 4, d 2, r 1")["rows"]] == ["lstm 4", "lstm 4, d 2, r 1"]
    with pytest.raises(SystemExit):
        study(*flags, "lstm 5")
    assert "no network is called lstm 5, there are lstm 4; lstm 4, d 2, r 1" in capsys.readouterr().err


def test_the_picture_has_a_curve_of_each_kind_and_an_interval_of_each_network():
    def row(units, parameters, is_train, name):
        runs = [{"fold": fold, "seed": 0, "clean": clean} for fold, clean in (("a", 0.5), ("b", 0.6), ("c", 0.7))]
        return {"cell": "lstm", "units": units, "parameters": parameters, "train": is_train, "name": name, "runs": runs}

    rows = [row(256, 300_000, False, "lstm 256"), row(8, 2000, False, "lstm 8"), row(256, 3000, True, "d 3, r 2")]
    drawn = picture([*rows, row(256, 3000, True, "d 3, r 2, from SVD")], "fsdd")
    assert drawn.count("<polyline") == 2 + 3  # the train from SVD is no part of the curve
    assert "lstm, dense" in drawn and "lstm, trains" in drawn
