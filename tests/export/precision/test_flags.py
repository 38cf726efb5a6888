"""Flags of edge-export that say what is lowered."""

import pytest

from edge.errors import UserError
from export.command import adjusted
from export.options import parser
from export.targets import TARGETS, with_error_budget, with_int16_activations


def test_an_error_budget_narrows_what_is_quantised_and_nothing_else():
    narrow = with_error_budget(TARGETS["rpi-int8"], 0.01)
    assert [file.bounds.posterior_error for file in narrow.files] == [0.01, 1e-4]
    assert with_error_budget(TARGETS["rpi-int8"], 0.9) == TARGETS["rpi-int8"]  # --tolerance widens


def test_int16_activations_are_of_one_target():
    target = with_int16_activations(TARGETS["rpi-int8"])
    assert (target.precision, target.files[0].name) == ("int16x8", "int16x8.tflite")
    with pytest.raises(UserError, match="of rpi-int8, not of jetson-int8"):
        with_int16_activations(TARGETS["jetson-int8"])


@pytest.mark.parametrize(
    "target, flags, said",
    [
        ("jetson-fp16", [], "TensorRT 8.2 is given float32 and chooses by itself what runs in FP16"),
        ("jetson-fp16", ["--tensorrt", "8.6"], "give --tensorrt 10, which takes the types of the file"),
        ("rpi-dynamic", [], "--keep-float holds for int8, and for jetson-fp16 with --tensorrt 10, not for dynamic"),
        ("rpi-int8", ["--activations", "int16"], "not for int16x8 of rpi-int8"),
    ],
)
def test_a_layer_that_no_file_could_keep_in_float_is_refused(refusal, target, flags, said):
    assert said in refusal("--keep-float", "conv2d", *flags, target=target)


@pytest.mark.parametrize("version", ["10", "10.1"])
def test_a_layer_of_a_typed_file_stays_in_float(version):
    flags = ["--target", "jetson-fp16", "--tensorrt", version, "--keep-float", "conv2d"]
    assert adjusted(TARGETS["jetson-fp16"], parser().parse_args(flags)).in_float == ("conv2d",)


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--keep-float", "no_such_layer"], "--keep-float no_such_layer: no layer has that name; there are"),
        (["--error-budget", "0"], "--error-budget is 0: use more than 0"),
    ],
)
def test_what_cannot_be_is_said(refusal, flags, said):
    assert said in refusal(*flags, target="rpi-int8")
