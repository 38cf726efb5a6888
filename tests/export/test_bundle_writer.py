"""There is a whole bundle or none."""

import resource
from pathlib import Path

import pytest
from export_examples import DESCRIPTION

from edge.errors import UserError
from export.bundle_writer import bundle_manifest, write_bundle
from export.source_model import SourceModel

MANIFEST = {"schema": 1, "name": "half"}


def test_full_disk_leaves_nothing_behind(tmp_path):
    """The third kilobyte cannot be written, as on a disk that fills up half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(UserError, match="cannot write the bundle to .*free space"):
            write_bundle(tmp_path / "out", MANIFEST, {"a.onnx": b"x" * 1000, "b.onnx": b"x" * 9000}, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_bundle_the_device_would_refuse_is_not_written(tmp_path):
    with pytest.raises(UserError, match="models is missing"):
        write_bundle(tmp_path / "out", MANIFEST, {"a.onnx": b"x"}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_bundle_another_wrote_meanwhile_is_kept(tmp_path):
    """The destination was empty when checked and is not when the bundle is ready."""
    onnx = (Path(__file__).parent.parent / "edge" / "tiny_models" / "detector.fp32.onnx").read_bytes()
    model = SourceModel(tmp_path, DESCRIPTION, None, None)
    manifest = bundle_manifest(model, "fp32", [("onnx", "a.onnx", "fp32", onnx)])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").write_text("theirs")
    with pytest.raises(UserError, match="not empty"):
        write_bundle(tmp_path / "out", manifest, {"a.onnx": onnx}, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "other.txt").read_text() == "theirs"
