"""edge-bench FILE: one model file without a bundle, by itself and by operator."""

import csv
import json
import os
import time

import pytest

from edge.bench import energy, litert_profile, model_file, onnx_profile, operators
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


@pytest.mark.parametrize("ending, package", [(".onnx", "onnxruntime"), (".tflite", "ai_edge_litert")])
def test_operators_of_a_file(capsys, tmp_path, ending, package):
    """Each node with its layer; they add up, the table and the trace hold the same."""
    pytest.importorskip(package)
    table, trace = tmp_path / "operators.csv", tmp_path / "trace.json"
    arguments = ["--runs", "20", "--operators", "--csv", str(table), "--trace", str(trace), "--json"]
    assert main([shipped(ending)] + arguments) == 0
    result = json.loads(capsys.readouterr().out)
    rows = result["operators"]
    assert len(rows) > 5 and any("Conv" in one["operator"] for one in rows)
    assert sum(one["share"] for one in rows) == pytest.approx(1.0)
    assert sum(one["mean_us"] for one in rows) == pytest.approx(result["profile"]["operators_us"])
    with open(str(table), newline="") as file:
        assert [row["layer"] for row in csv.DictReader(file)] == [one["layer"] for one in rows]
    nodes = [event for event in json.loads(trace.read_text()) if event.get("cat") == "Node"]
    per_run = [event for event in nodes if event["args"]["op_name"] == rows[-1]["operator"] and event["dur"] >= 0]
    assert len(per_run) >= 20


def test_layers_of_a_tflite_file_have_the_names_of_their_training(capsys):
    """Every convolution and dense layer is named, and no name stands at two of them."""
    pytest.importorskip("ai_edge_litert")
    assert main([shipped(".tflite"), "--runs", "5", "--operators", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["operators"]
    heavy = [row["layer"] for row in rows if "Conv" in row["operator"][:12] and "Convert" not in row["operator"]]
    assert len(heavy) >= 5 and len(set(heavy)) == len(heavy) and all("conv" in layer for layer in heavy)


def test_kernels_that_cannot_be_told_apart_have_no_layer():
    written = [("CONV_2D", "m/a/convolution"), ("SOFTMAX", "m/s/Softmax"), ("CONV_2D", "m/b/convolution")]
    whole = [("Convolution (NHWC, F32) IGEMM", 8, 0), ("SOFTMAX", 2, 1), ("Fully Connected (NC, F32) GEMM", 8, 0)]
    assert litert_profile.layers_of(written, whole) == ["a", "s", "b"]
    fused = [("Convolution (NHWC, F32) IGEMM", 8, 0), ("Convert (NC)", 8, 1)]
    assert litert_profile.layers_of(written, fused) == ["", ""]


def test_a_profiler_that_is_not_there_is_said(capsys, monkeypatch):
    """Another version of the library may lack a function, or end whoever calls it."""
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setattr(litert_profile, "NATIVE", "edge.bench.no_such_module")
    assert main([shipped(".tflite"), "--operators"]) == 1
    error = capsys.readouterr().err
    assert "the profiler of ai-edge-litert" in error and "leave out --operators" in error and error.count("\n") == 1


def profiled(runs):
    """Events of onnxruntime, in any order: of each run, (node, microseconds)."""
    events, now = [], 0
    for nodes in runs:
        events.append({"cat": "Session", "name": "model_run", "dur": 1, "ts": now})
        for name, microseconds in nodes:
            now += 10
            kernel = {"cat": "Node", "name": name + "_kernel_time", "args": {"op_name": "Conv"}}
            events.append(dict(kernel, dur=microseconds, ts=now))
        now += 10
    return events[::-1]


def test_means_leave_the_warm_up_and_disturbed_runs_out():
    runs = [[("a", 900)]] * 20 + [[("a", 30)]] * 19 + [[("a", 7000)]]
    rows = onnx_profile.operator_rows(profiled(runs), 20)
    assert operators.table_of(rows) == [("a", "Conv", 30.0, 0.0, 1.0)]


def test_nodes_of_the_same_name_count_together():
    """As what an operator in a loop does, every time."""
    rows = onnx_profile.operator_rows(profiled([[("a", 2), ("a", 4), ("b", 3)]] * 5), 2)
    assert [(name, values) for name, _, values in rows] == [("a", [6.0] * 3), ("b", [3.0] * 3)]


def rapl(root):
    """A made-up counter of joules."""
    folder = root / "sys" / "class" / "powercap" / "intel-rapl:0"
    folder.mkdir(parents=True)
    (folder / "max_energy_range_uj").write_text("999999\n")
    (folder / "energy_uj").write_text("990000\n")
    return folder / "energy_uj"


def test_energy_of_a_pc(tmp_path):
    """The counter begins anew when it is full; what the processor takes at rest is told apart."""
    counter = rapl(tmp_path)

    def infer():
        time.sleep(0.004)  # or the counter would go round more than once between two looks at it
        counter.write_text(str((int(counter.read_text()) + 20000) % 1000000))  # 20 mJ

    found = energy.of_inferences(infer, str(tmp_path) + "/", rest_s=0.01, busy_s=0.1)
    assert found["rest_w"] == 0 and found["source"].startswith("RAPL")
    assert found["millijoules"] == pytest.approx(20, rel=0.3) == found["millijoules_over_rest"]


@pytest.mark.parametrize(
    "files",
    [{"sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input": "2500"}]
    + [
        {"sys/class/hwmon/hwmon1/" + name: text for name, text in zip(("name", "in1_input", "curr1_input"), values)}
        for values in (("ina3221", "5000", "500"),)
    ],
)
def test_energy_of_a_jetson(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    found = energy.of_inferences(lambda: None, str(tmp_path) + "/", rest_s=0.01, busy_s=0.06)
    assert found["busy_w"] == pytest.approx(2.5) and found["millijoules_over_rest"] == 0


def test_without_a_sensor_that_is_said(tmp_path):
    found = energy.of_inferences(lambda: None, str(tmp_path) + "/")
    assert found["source"] is None and "no sensor" in energy.line(found)


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


def test_tensorrt_that_is_not_there_is_said(capsys):
    assert main([shipped(".onnx"), "--tensorrt", "fp16"]) == 1
    assert "TensorRT cannot run" in capsys.readouterr().err
    assert main([shipped(".tflite"), "--tensorrt", "fp16"]) == 1
    assert "give the .onnx file" in capsys.readouterr().err


def test_a_file_that_is_no_model(capsys, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no model")
    for flags in ([], ["--operators"]):
        assert main([str(path)] + flags) == 1
        error = capsys.readouterr().err
        assert "broken.onnx" in error and "internal" not in error
