"""edge-export --lint: what TensorRT says of somebody's own ONNX file."""

import json

import pytest

from export.command import main

onnx = pytest.importorskip("onnx")


def write(path, operator, **attributes):
    helper = onnx.helper
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 4]) for name in ("x", "y")]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], name="odd", **attributes)], "g", values[:1], values[1:]
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7), path)


def test_a_file_that_is_imported(tmp_path, capsys):
    write(tmp_path / "relu.onnx", "Relu")
    for version in ("8.2", "8.6", "10"):
        assert main(["--lint", str(tmp_path / "relu.onnx"), "--tensorrt", version]) == 0
    assert "TensorRT 10 imports it" in capsys.readouterr().out


def test_each_finding_is_a_line_and_the_status_is_1(tmp_path, capsys):
    write(tmp_path / "det.onnx", "Det")
    assert main(["--lint", str(tmp_path / "det.onnx")]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("odd (Det): ")
    assert main(["--lint", str(tmp_path / "det.onnx"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["operator"] == "Det"


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("--lint", "/nowhere.onnx"), "cannot read /nowhere.onnx"),
        (("--lint", __file__), "no ONNX file"),
        (("--lint", "/nowhere.onnx", "--tensorrt", "9"), "cannot read"),
    ],
)
def test_what_cannot_be_linted(capsys, arguments, text):
    assert main(list(arguments)) == 1
    assert text in capsys.readouterr().err


def test_another_version_is_refused(tmp_path, capsys):
    write(tmp_path / "relu.onnx", "Relu")
    assert main(["--lint", str(tmp_path / "relu.onnx"), "--tensorrt", "9"]) == 1
    assert "choose one of 8.2, 8.6, 10.1" in capsys.readouterr().err
