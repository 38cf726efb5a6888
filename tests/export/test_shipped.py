"""What ships can be exported for TensorRT, whatever its weights."""

from pathlib import Path

import pytest

from export.tensorrt_lint import VERSIONS, lint

BUNDLE = Path(__file__).resolve().parents[2] / "edge" / "default_bundle"


# That `edge-export --target jetson-fp16` exports the models that ship is shown by tests/test_docs.py.
@pytest.mark.parametrize("version", VERSIONS)
def test_every_tensorrt_imports_the_shipped_onnx(version):
    # The verifier's is stored in bytes, for onnxruntime alone; its Jetson targets are linted as they are exported.
    files = sorted(path for path in BUNDLE.glob("*.onnx") if not path.name.startswith("verifier"))
    assert files and all(lint(path.read_bytes(), tensorrt=version) == [] for path in files)


def test_shipped_int8_file_is_within_its_budget():
    assert (BUNDLE / "detector.int8.tflite").stat().st_size <= 200_000
