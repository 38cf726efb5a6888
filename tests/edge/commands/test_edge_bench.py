"""`edge-bench`: the tables of stages, and an exit status that says whether the budget was kept."""

import json
import os
import re
import signal
import xml.etree.ElementTree

import numpy as np
import pytest
from patience import PATIENCE_S
from virtual_microphone import write_wav

from edge.bench.measure import ROUNDS

FRAMES = 46  # of 10 s


@pytest.fixture
def bench(run, loud_bundle):
    def bench(*arguments):
        return run("--bundle", loud_bundle, "--seconds", "10", *arguments, program="edge-bench")

    return bench


@pytest.fixture
def burst_bench(bench, tmp_path):
    """bench over quiet, noise and quiet again, at 48 kHz: each path, and a stage that resamples."""
    pytest.importorskip("soundfile")
    pytest.importorskip("soxr")
    loud = 0.1 * np.random.RandomState(0).standard_normal(48000 * 3)
    path = str(tmp_path / "burst.wav")
    write_wav(path, np.concatenate([np.zeros(48000 * 3), loud, np.zeros(48000 * 4)]).astype(np.float32), 48000)
    return lambda *arguments: bench("--input", path, *arguments)


def stage(rows, name):
    (row,) = [row for row in rows if row["stage"] == name]
    return row


@pytest.mark.once
def test_the_tables_of_a_synthesised_night(bench, tmp_path):
    finished = bench("--html", tmp_path / "page.html")
    assert (finished.status, finished.err) == (0, "")
    lines = finished.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "missed deadlines: 0" in lines
    for words in ("bundle loud 1.0.0", "start to first frame", "CPU share", "load "):
        assert words in finished.out
    page = (tmp_path / "page.html").read_text()
    assert "http" not in page and "<script" not in page
    pictures = re.findall("<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) >= 2
    for picture in pictures:
        xml.etree.ElementTree.fromstring(picture)
        assert 'class="budget"' in picture


@pytest.mark.once
def test_json_of_every_path(burst_bench, validate):
    (fields,) = burst_bench("--json", "--threads", "2").objects()
    validate([fields], "bench")
    assert (fields["audio_s"], fields["threads"], fields["native_rate_hz"]) == (10, 2, 48000)
    assert fields["stages"][-1]["stage"] == "frame"
    assert stage(fields["stages"], "frame")["n"] == ROUNDS * (FRAMES - 1)  # the resampler holds some back
    paths = fields["paths"]
    assert stage(paths["crying"], "resample")["n"] > 0
    assert stage(paths["crying"], "detector")["n"] == stage(paths["crying"], "frame")["n"]
    assert "detector" not in [row["stage"] for row in paths["quiet"]]
    assert sum(stage(rows, "frame")["n"] for rows in paths.values() if rows) == ROUNDS * (FRAMES - 1)
    assert stage(fields["warm_up"], "frame")["n"] == FRAMES - 1
    assert fields["start"]["start_to_first_frame_s"] > fields["start"]["import_s"] > 0


@pytest.mark.once
def test_over_the_budget_or_slower_than_the_baseline_exits_1(bench, tmp_path, validate):
    finished = bench("--json", "--budget-ms", "0.001")
    assert finished.status == 1
    (fields,) = finished.objects()
    assert fields["missed_deadlines"] == ROUNDS * FRAMES
    for one in fields["per_round"]:
        one["p10_ms"]["crying/log_mel"] /= 10
    (tmp_path / "fast.json").write_text(json.dumps(fields))
    finished = bench("--json", "--baseline", tmp_path / "fast.json")
    assert finished.status == 1
    validate(finished.objects(), "bench")
    for one in fields["per_round"]:
        one["p10_ms"]["crying/log_mel"] *= 100
    (tmp_path / "slow.json").write_text(json.dumps(fields))
    finished = bench("--baseline", tmp_path / "slow.json")
    assert finished.status == 0
    assert finished.out.endswith("slower than the baseline by more than its noise: nothing\n")


@pytest.mark.once
def test_a_soak(bench, validate):
    finished = bench("--soak", "0.001", "--json")
    (fields,) = finished.objects()
    validate([fields], "bench")
    assert finished.status == 0
    assert 2 <= len(fields["soak"]) <= 4
    assert fields["soak"][-1]["memory_mb"] is None or fields["soak"][-1]["memory_mb"] > 10


@pytest.mark.once
def test_a_soak_that_is_interrupted_reports(start, loud_bundle):
    process = start("--bundle", loud_bundle, "--seconds", "10", "--soak", "0.02", program="edge-bench")
    for _ in range(2):
        process.stdout.readline()  # the heading, and the first sample
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, "")
    assert "missed deadlines: " in out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("--seconds", "1"), "--seconds is 1: use 10 to 3600"),
        (("--threads", "0"), "--threads is 0: use 1 to 16"),
        (("--budget-ms", "-1"), "--budget-ms is -1: use more than 0"),
        (("--soak", "0"), "--soak is 0: use more than 0"),
        (("--soak", "1", "--baseline", __file__), "give one of the two"),
        (("--input", "/nowhere.wav"), "/nowhere.wav: no such file"),
        (("--bundle", "/nowhere"), "/nowhere"),
        (("--baseline", "/nowhere.json"), "/nowhere.json: no such file"),
        (("--html", "/nowhere/page.html"), "/nowhere/page.html: cannot be written"),
    ],
)
def test_what_cannot_work_is_said(run_here, loud_bundle, arguments, said):
    pytest.importorskip("soundfile")
    finished = run_here("--bundle", loud_bundle, "--seconds", "10", *arguments, program="edge-bench")
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("edge-bench: error: ") and said in finished.err
    assert finished.err.count("\n") == 1


@pytest.mark.once
def test_the_configuration_says_what_flags_do_not(burst_bench, tmp_path):
    config = tmp_path / "bench.toml"
    config.write_text("[budget]\nframe_ms = 77.0\n[detector]\nthreads = 2\n[gate]\nfloor_dbfs = 0.0\n")
    (fields,) = burst_bench("--json", "--config", config, "--threads", "1").objects()
    assert (fields["budget_ms"], fields["threads"]) == (77.0, 1)
    assert not fields["paths"]["crying"]
