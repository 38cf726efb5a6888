"""The studies of denoiser and Transformer run from recordings to tables, and go on where they were interrupted."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

tensorflow = pytest.importorskip("tensorflow")
pytest.importorskip("sklearn")

from benchmarks.export import engine_latencies  # noqa: E402
from benchmarks.lib import noisy_sounds, record  # noqa: E402
from benchmarks.lib.roc_plot import roc_plot  # noqa: E402
from benchmarks.studies import (  # noqa: E402
    causes_donateacry,
    denoising,
    denoising_table,
    site_calibration,
    transformer_cost,
    transformer_study,
    unknown_sounds,
)
from training.transformer.presets import PRESETS, Preset  # noqa: E402

SMALLEST = Preset(denoiser=(2, 2, 2), tokenizer=(2, 2, 2), units=4, heads=1, layers=1, feed_forward=4, lora_rank=1)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """One fold, one step a stage, the smallest models; results into a folder of their own. Returns run(study, data)."""
    results = tmp_path / "results"
    monkeypatch.setattr(record, "RESULTS", results)
    monkeypatch.setattr(transformer_study, "FOLDS", ("1",))
    monkeypatch.setattr(transformer_study, "SMALL", SMALLEST)
    for study, names in ((denoising, ("PRETRAINING", "TEACHING", "FURTHER", "TOGETHER")),
                         (unknown_sounds, ("LEARNING", "MARGINS"))):  # fmt: skip
        for name in names:
            monkeypatch.setattr(study, name, replace(getattr(study, name), epochs=1))
    once = {task: replace(stage, epochs=1) for task, stage in site_calibration.STAGES.items()}
    monkeypatch.setattr(site_calibration, "STAGES", once)
    monkeypatch.setattr(unknown_sounds, "BOOTSTRAP_ROUNDS", 5)
    monkeypatch.setattr(causes_donateacry, "RESAMPLES", 5)
    monkeypatch.setattr(site_calibration, "NULL_ROUNDS", 2)
    tensorflow.config.run_functions_eagerly(True)

    def run(study, data):
        name = study.__name__.rsplit(".", 1)[-1]
        options = ["--data", str(data), "--work", str(tmp_path / name), "--seed", "0", "--frames-per-epoch", "8"]
        monkeypatch.setattr(sys, "argv", [name, *options])
        study.main()
        return json.loads((results / f"{name}.json").read_text()), (results / f"{name}.md").read_text()

    yield run
    tensorflow.config.run_functions_eagerly(False)


def test_denoising_judges_every_arm_on_the_same_clips_at_every_level(small, recordings, monkeypatch):
    monkeypatch.setattr(denoising, "LOSSES", {denoising.FULL_LOSS: (0.1, 0.1)})
    monkeypatch.setattr(noisy_sounds, "SOURCES", ("made",))
    monkeypatch.setattr(noisy_sounds, "DRAWS", 1)
    figures, table = small(denoising, recordings)
    (cell,) = figures["cells"]
    for arm in denoising_table.ARMS:
        assert {np.sum(counts) for counts in cell[arm].values()} == {6}  # two clips of each label
        assert len(cell[arm]) == 1 + 4  # clean, and as many SNRs
    own = figures["rows"]["losses"][f"{denoising.FULL_LOSS}, all folds"]
    assert own["clean"]["without_db"] == 0.0
    assert own["-5"]["without_db"] > 1.0
    assert "with the denoiser" in table and "cries, with the denoiser" in table
    monkeypatch.setattr(denoising.Study, "evaluate", None)
    assert small(denoising, recordings)[0]["rows"] == figures["rows"]  # nothing is done twice


def test_unknown_sounds_leave_out_the_classes_that_were_hidden(small, recordings):
    figures, table = small(unknown_sounds, recordings)
    rows = figures["rows"]
    assert (rows["all"]["cries"], rows["all"]["others"]) == (14, 7)
    assert 0 < rows[unknown_sounds.UNSEEN]["others"] < 7
    for found in rows["all"]["scores"].values():
        assert 0 <= found["auroc"][1] <= found["auroc"][0] <= found["auroc"][2] <= 1
    assert "Bar: AUROC 0.95" in table


def test_sites_are_judged_at_their_own_temperature_and_the_other_s(small, recordings, monkeypatch):
    monkeypatch.setattr(site_calibration, "SITES", {"fsdd": site_calibration.SITES["fsdd"]})
    figures, table = small(site_calibration, recordings)
    assert len(figures["rows"]) == 2 * 2 * 2
    for row in figures["rows"]:
        assert row["clips"] == 6 * 2 * 10  # speakers, digits, takes
        assert 0 <= row["ece_after"][0] <= 1
    assert "in site" in table and "elsewhere" in table


def test_components_make_the_whole_and_each_is_timed_in_every_engine(monkeypatch, tmp_path):
    monkeypatch.setattr(engine_latencies, "BLOCKS", 1)
    monkeypatch.setattr(engine_latencies, "CALLS", 6)
    graphs = transformer_cost.components(PRESETS["tiny"])
    x = np.random.default_rng(0).standard_normal((1, 98, 64, 1)).astype(np.float32)
    parts = graphs["head"](graphs["encoder"](graphs["tokenizer"](x)))
    np.testing.assert_allclose(parts, graphs["classifier"](x), atol=1e-5)
    files = transformer_cost.converted({"head": graphs["head"]}, ("dynamic",), tmp_path)
    assert set(files) == {"head, dynamic TFLite", "head, fp32 ONNX"}
    here = engine_latencies.latencies(files).us
    assert here and all(cost.cpu_us > 0 for cost in here.values())
    assert set(engine_latencies.latencies_under(sys.executable, files).us) == set(here)


def test_ties_count_half_for_auroc():
    is_cry = np.array([True, True, False, False])
    assert unknown_sounds.measures(is_cry, np.array([1.0, 0.5, 0.5, 0.0]))[0] == 0.875
    assert unknown_sounds.measures(is_cry, np.array([0.0, 0.0, 1.0, 1.0])) == (0.0, 1.0)


def test_spectral_distance_does_not_know_levels():
    frames = np.random.default_rng(0).standard_normal((2, 98, 64)).astype(np.float32)
    assert denoising.spectral_distance_db(frames + 3.0, frames) < 1e-4
    assert denoising.spectral_distance_db(2 * frames, frames) > 1.0


def test_the_plot_holds_every_curve():
    drawn = roc_plot({"a & b": (np.array([0.0, 1.0]), np.array([0.0, 1.0])), "c": (np.array([0, 1]), np.array([1, 1]))})
    assert drawn.count("<polyline") == 2 and "a &amp; b" in drawn
