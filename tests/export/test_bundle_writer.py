"""There is a whole bundle or none."""

import resource
import subprocess
from pathlib import Path

import pytest
from export_examples import DESCRIPTION

from edge.errors import UserError
from export.bundle_writer import bundle_manifest, write_bundle
from export.convert.files import Exported
from export.model import SourceModel
from export.sources.description import kind_of
from export.targets import TARGETS

MANIFEST = {"schema": 1, "name": "half"}


def test_full_disk_leaves_nothing_behind(tmp_path):
    """The third kilobyte cannot be written, as on a disk that fills up half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))
    try:
        with pytest.raises(UserError, match="cannot write the bundle to .*free space"):
            write_bundle(tmp_path / "out", MANIFEST, {"a.onnx": b"x" * 1000, "b.onnx": b"x" * 9000}, [tmp_path])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_full_file_system_leaves_nothing_behind(tmp_path):
    """A real one of 64 kB, where mounting is allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("no permission to mount a small file system")
    try:
        with pytest.raises(UserError, match="cannot write the bundle to .*No space left"):
            write_bundle(disk / "out", MANIFEST, {"a.onnx": b"x" * 9000, "b.onnx": b"x" * 90_000}, [tmp_path])
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_bundle_the_device_would_refuse_is_not_written(tmp_path):
    with pytest.raises(UserError, match="models is missing"):
        write_bundle(tmp_path / "out", MANIFEST, {"a.onnx": b"x"}, [tmp_path])
    assert list(tmp_path.iterdir()) == []


def test_bundle_another_wrote_meanwhile_is_kept(tmp_path):
    """The destination was empty when checked and is not when the bundle is ready."""
    onnx = (Path(__file__).parent.parent / "edge" / "tiny_models" / "detector.fp32.onnx").read_bytes()
    model = SourceModel(tmp_path, DESCRIPTION, kind_of(DESCRIPTION), None, None)
    target = TARGETS["rpi-fp32"]
    manifest = bundle_manifest([(model, [Exported(target.files[1], "a.onnx", onnx)])], target, None)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").write_text("theirs")
    with pytest.raises(UserError, match="not empty"):
        write_bundle(tmp_path / "out", manifest, {"a.onnx": onnx}, [tmp_path])
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "other.txt").read_text() == "theirs"
