"""A frame needs no more instructions than recorded, and the way from instructions to milliseconds adds up."""

import copy
import os
import re
import sys
from pathlib import Path

import pytest

from benchmarks.device.boards.bar import ALLOWED, BAR_PROCESSOR, exceeded, recorded
from benchmarks.device.boards.bytecodes import PYTHON, bytecodes_per_hop
from benchmarks.device.boards.emulator import DEFAULT_ROOT, CannotCount, arm64, by_path, count, count_models
from benchmarks.device.boards.milliseconds import BOARDS, IPC, estimate, spread
from benchmarks.device.boards.models import multiply_adds
from edge.bundle import DEFAULT_BUNDLE_DIR, read_manifest

ROOT = Path(os.environ.get("CRY_MONITOR_ARM64_ROOT", DEFAULT_ROOT))
QUIET_BUDGET_A_HOP = 150e6 / 5
MOST_PRODUCTS_AN_INSTRUCTION = 16  # of 8-bit numbers, in a vector of 128 bits


def test_a_hop_needs_no_more_instructions_than_recorded():
    """On purpose: python -m benchmarks.device.boards --set-bar"""
    try:
        counted = count(arm64(BAR_PROCESSOR, ROOT))
    except CannotCount as reason:
        pytest.skip(str(reason))
    bar = recorded()
    versions = ("engine", "numpy", "python")
    if any(counted[name] != bar[name] for name in versions):
        pytest.skip(f"recorded with {[bar[name] for name in versions]}, here {[counted[name] for name in versions]}")
    assert read_manifest(DEFAULT_BUNDLE_DIR).sha256 == bar["bundle_sha256"], "another bundle: set the bar again"
    assert exceeded(counted, bar) == []
    assert counted["paths"]["quiet"]["hop"] + counted["resample"] < QUIET_BUDGET_A_HOP


@pytest.mark.skipif(sys.version_info[:2] != PYTHON, reason="bytecodes are recorded for another Python")
def test_a_hop_needs_no_more_bytecodes_than_recorded():
    """On purpose: python -m benchmarks.device.boards --set-bytecodes"""
    counted = bytecodes_per_hop()
    for path, n in recorded()["bytecodes"].items():
        assert counted[path] <= n * (1 + ALLOWED), path


def test_two_percent_more_is_too_much():
    bar, more = recorded(), copy.deepcopy(recorded())
    assert exceeded(more, bar) == []
    more["paths"]["quiet"]["hop"] = int(bar["paths"]["quiet"]["hop"] * (1 + ALLOWED)) + 1
    (text,) = exceeded(more, bar)
    assert text.startswith("quiet: ")


def test_quiet_listening_is_recorded_within_its_budget():
    assert recorded()["processor"] == "cortex-a72"
    assert recorded()["paths"]["quiet"]["hop"] + recorded()["resample"] < QUIET_BUDGET_A_HOP


def test_a_model_s_run_is_counted_alone_and_the_same_each_time():
    detector, denoiser = (Path(DEFAULT_BUNDLE_DIR) / f"{name}.int8.tflite" for name in ("detector", "denoiser"))
    try:
        first, other, again = count_models(arm64(BAR_PROCESSOR, ROOT), [detector, denoiser, detector])
    except CannotCount as reason:
        pytest.skip(str(reason))
    assert abs(first - again) <= first * ALLOWED
    assert other > first > multiply_adds(detector) / MOST_PRODUCTS_AN_INSTRUCTION


def test_marks_are_taken_out_and_hops_sorted():
    marks = ["mark", "mark", "mark", "before", "resample", "begin", "gate", "frame", "end", "begin", "gate", "end"]
    steps = [10, 10, 110, 510, 20, 1010, 15, 12, 20, 910, 20]
    totals = [100]
    for step in steps:
        totals.append(totals[-1] + step)
    found = by_path(marks, ["quiet", "quiet"], totals)
    assert found["resample"] == 500
    (path,) = found["paths"].values()
    assert path["hops"] == 1  # the second made no frame
    assert path["stages"] == {"gate": 1000, "frame": 5, "end": 2}
    assert path["hop"] == 1007


def test_every_path_of_a_night_is_recorded_the_suspicious_one_with_its_verifier():
    paths = recorded()["paths"]
    assert list(paths) == ["quiet", "listening", "suspicious", "crying"]
    assert "verifier" in paths["suspicious"]["stages"] and "verifier" not in paths["listening"]["stages"]


def test_the_model_is_instructions_over_cycles():
    (pi,) = [board for board in BOARDS if board.name == "Raspberry Pi 4"]
    found = estimate(1.5e6 * IPC["cortex-a72"].likely, pi)
    assert found.likely_ms == pytest.approx(1.0)
    assert found.low_ms < found.likely_ms < found.high_ms


def test_one_ipc_for_all_stages_spreads_nothing():
    assert spread({"a": 100, "b": 300}, {"a": 1.0, "b": 3.0}) == pytest.approx({"a": 1.0, "b": 1.0})


def test_multiply_adds_of_the_file_are_those_of_the_report():
    pytest.importorskip("ai_edge_litert")
    report = (Path(DEFAULT_BUNDLE_DIR) / "report.json").read_text()
    counted = multiply_adds(Path(DEFAULT_BUNDLE_DIR) / "detector.int8.tflite")
    assert counted in [int(n) for n in re.findall(r'"multiply_adds": (\d+)', report)]
