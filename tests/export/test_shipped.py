"""What ships can be exported for TensorRT, whatever its weights."""

from pathlib import Path

import pytest

from export.command import main
from export.tensorrt_lint import VERSIONS, lint

BUNDLE = Path(__file__).resolve().parents[2] / "edge" / "default_bundle"


@pytest.mark.parametrize("version", VERSIONS)
def test_every_tensorrt_imports_the_shipped_onnx(version):
    files = sorted(BUNDLE.glob("*.onnx"))
    assert files and all(lint(path.read_bytes(), tensorrt=version) == [] for path in files)


def test_with_no_further_argument_the_shipped_detector_is_exported(keras, tmp_path, monkeypatch, capsys):
    """The first command an ML engineer types; its result goes to dist/TARGET."""
    monkeypatch.chdir(tmp_path)
    assert main(["--target", "jetson-fp16"]) == 0, capsys.readouterr().err
    assert sorted(path.suffix for path in (tmp_path / "dist" / "jetson-fp16").glob("detector.*")) == [".onnx", ".onnx"]


def test_shipped_int8_file_is_within_its_budget():
    assert (BUNDLE / "detector.int8.tflite").stat().st_size <= 200_000
