"""edge-bench FILE: one model file without a bundle, by itself and by operator."""

import csv
import json
import os

import pytest

from edge.bench import model_file
from edge.bench.command import main

BUNDLE = os.path.join(os.path.dirname(model_file.__file__), os.pardir, "default_bundle")


def shipped(ending):
    """A detector's file of a format."""
    return os.path.join(
        BUNDLE, next(name for name in sorted(os.listdir(BUNDLE)) if name.endswith(ending) and "detector" in name)
    )


@pytest.mark.parametrize("ending, package", [(".onnx", "onnxruntime"), (".tflite", "ai_edge_litert")])
def test_a_file_alone_is_timed(capsys, ending, package):
    pytest.importorskip(package)
    assert main([shipped(ending), "--runs", "30", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["samples_ms"]) == result["runs"] == 30 and result["warm_up"] == model_file.WARM_UP_RUNS
    assert 0 < result["p50_ms"] <= result["p95_ms"] and result["bytes"] == os.path.getsize(shipped(ending))
    assert result["mean_ms"] == pytest.approx(sum(result["samples_ms"]) / 30, rel=1e-3)


def test_operators_of_an_onnx_file(capsys, tmp_path):
    """Each node with its layer; they add up, the table and the trace hold the same."""
    pytest.importorskip("onnxruntime")
    table, trace = tmp_path / "operators.csv", tmp_path / "trace.json"
    arguments = ["--runs", "20", "--operators", "--csv", str(table), "--trace", str(trace), "--json"]
    assert main([shipped(".onnx")] + arguments) == 0
    operators = json.loads(capsys.readouterr().out)["operators"]
    assert len(operators) > 5 and any("Conv" in one["operator"] for one in operators)
    assert sum(one["share"] for one in operators) == pytest.approx(1.0)
    with open(str(table), newline="") as file:
        assert [row["layer"] for row in csv.DictReader(file)] == [one["layer"] for one in operators]
    events = json.loads(trace.read_text())
    runs = sum(1 for event in events if event["name"] == operators[0]["layer"] + model_file.KERNEL_TIME)
    assert runs == 20 + model_file.WARM_UP_RUNS


def test_means_leave_the_warm_up_out():
    slow = [{"cat": "Node", "name": "a_kernel_time", "dur": 900, "args": {"op_name": "Conv"}}] * model_file.WARM_UP_RUNS
    fast = [{"cat": "Node", "name": "a_kernel_time", "dur": 30, "args": {"op_name": "Conv"}}] * 4
    other = [{"cat": "Session", "name": "model_run", "dur": 1}]
    assert model_file.operators_of(slow + fast + other) == [("a", "Conv", 30.0, 1.0)]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["model.keras"], "neither .tflite nor .onnx"),
        (["/nowhere.onnx"], "/nowhere.onnx: no such file"),
        (["/nowhere.onnx", "--runs", "0"], "--runs is 0: use 1 to"),
        ([__file__ + ".onnx"], "no such file"),
    ],
)
def test_what_cannot_be_timed_is_said(capsys, arguments, said):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("edge-bench: error: ") and said in error and error.count("\n") == 1


def test_a_tflite_file_has_no_operators_here(capsys):
    assert main([shipped(".tflite"), "--operators"]) == 1
    assert "give the .onnx file" in capsys.readouterr().err


def test_a_file_that_is_no_model(capsys, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    for flags in ([], ["--operators"]):
        assert main([str(path)] + flags) == 1
        error = capsys.readouterr().err
        assert "broken.onnx" in error and "internal" not in error
