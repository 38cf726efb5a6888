"""What a DLA would leave to the GPU, of files that are made for it."""

import numpy as np
import pytest

from edge.errors import UserError
from export.command import main
from export.targets import TARGETS
from export.tensorrt_lint import dla_findings

onnx = pytest.importorskip("onnx")
helper = onnx.helper


def file_of(operator, shape=(1, 8, 20, 12), out=None, weights=None, **attributes):
    """One node of an operator on an input of a shape."""
    values = [helper.make_tensor_value_info("x", 1, shape), helper.make_tensor_value_info("y", 1, out)]
    names, stored = ["x"], []
    if weights is not None:
        names.append("w")
        stored.append(onnx.numpy_helper.from_array(np.zeros(weights, np.float32), "w"))
    node = helper.make_node(operator, names, ["y"], name="odd", **attributes)
    graph = helper.make_graph([node], "g", values[:1], values[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7).SerializeToString()


@pytest.mark.parametrize(
    "file, said",
    [
        (file_of("Conv", weights=(4, 8, 3, 3)), None),
        (file_of("Conv", (1, 8, 90, 90), weights=(4, 8, 33, 3)), "kernels of 33 x 3, at most 32"),
        (file_of("Conv", weights=(4, 8, 3, 3), strides=[9, 1]), "strides 9 x 1, at most 8"),
        (file_of("ConvTranspose", weights=(8, 4, 2, 2), pads=[1, 1, 1, 1]), "no padding"),
        (file_of("MaxPool", kernel_shape=[9, 2]), "kernel_shape 9 x 2, at most 8"),
        (file_of("GlobalAveragePool"), "a window of 20 x 12, at most 8"),
        (file_of("Relu"), None),
        (file_of("Relu", (1, 8)), "two spatial dimensions are needed"),
        (file_of("Erf"), "Erf is none of those that are known"),
        (file_of("Identity"), None),
    ],
)
def test_what_goes_to_the_gpu_is_named(file, said):
    found = dla_findings(file)
    assert (not found) if said is None else (said in str(found[0]) and str(found[0]).startswith("odd ("))


def test_lint_tells_it_and_does_not_fail_for_it(tmp_path, capsys):
    (tmp_path / "erf.onnx").write_bytes(file_of("Erf"))
    assert main(["--lint", str(tmp_path / "erf.onnx"), "--dla"]) == 0
    assert "Erf is none of those that are known" in capsys.readouterr().out


def test_a_version_is_a_flag_of_jetson_targets(refusal):
    assert "of jetson targets and of --lint, not of rpi-fp32" in refusal("--tensorrt", "10", target="rpi-fp32")
    assert "no operator table for TensorRT '9'" in refusal("--tensorrt", "9")


def test_a_newer_version_reads_newer_files(tmp_path, capsys):
    model = onnx.load_from_string(file_of("Relu"))
    model.opset_import[0].version = 17
    onnx.save(model, tmp_path / "new.onnx")
    assert [main(["--lint", str(tmp_path / "new.onnx"), "--tensorrt", version]) for version in ("8.2", "8.6")] == [1, 0]
    assert "opset at most 13" in capsys.readouterr().out


def test_an_export_says_for_which_version_and_what_a_dla_leaves(export):
    status, stdout, stderr = export("--tensorrt", "10", "--dla", target="jetson-fp16")
    assert status == 0 and TARGETS["jetson-fp16"].tensorrt == "8.2", stderr
    assert "Every ONNX file was linted for TensorRT 10.1." in stdout and "DLA" in stdout


def test_what_is_no_file_is_said():
    with pytest.raises(UserError, match="no ONNX file"):
        dla_findings(b"no")
