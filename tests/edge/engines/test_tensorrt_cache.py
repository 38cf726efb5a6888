"""Cached engines: found again, rebuilt for a stated reason, whole or absent, never in the way of hearing."""

import json
import os

import pytest

from edge.engines.tensorrt import cache as cache_module
from edge.engines.tensorrt.cache import EngineCache, EngineKey, cache_directory, model_digest

KEY = EngineKey(model="a" * 64, tensorrt="8.2.1.8", gpu="NVIDIA Tegra X1, compute capability 5.3", precision="fp16")
ENGINE = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path):
    return EngineCache(str(tmp_path / "cache"), "detector")


@pytest.fixture
def kept(cache):
    """A cache that holds ENGINE under KEY."""
    cache.keep(KEY, ENGINE, {"from": "onnx"})
    return cache


def files_of(cache, suffix):
    return sorted(os.path.join(cache.directory, name) for name in os.listdir(cache.directory) if name.endswith(suffix))


def test_an_engine_is_found_again(kept):
    assert kept.find(KEY) == (ENGINE, "")
    assert kept.find(EngineKey(**KEY._asdict())).engine == ENGINE


def test_nothing_was_built_yet(cache):
    assert cache.find(KEY) == (None, "none has been built yet")


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"model": "b" * 64}, "the model changed from aaaaaaaaaaaa to bbbbbbbbbbbb"),
        ({"tensorrt": "8.6.1"}, "TensorRT changed from 8.2.1.8 to 8.6.1"),
        (
            {"gpu": "Orin, compute capability 8.7"},
            "the GPU changed from NVIDIA Tegra X1, compute capability 5.3 to Orin, compute capability 8.7",
        ),
        ({"precision": "int8"}, "the precision changed from fp16 to int8"),
        (
            {"builder": KEY.builder + 1},
            "cry-monitor's builder changed from {} to {}".format(KEY.builder, KEY.builder + 1),
        ),
        (
            {"tensorrt": "10.3.0", "precision": "int8"},
            "TensorRT changed from 8.2.1.8 to 10.3.0, the precision changed from fp16 to int8",
        ),
    ],
)
def test_any_change_is_a_reason_to_build_again_and_is_named(kept, change, reason):
    assert kept.find(KEY._replace(**change)) == (None, reason)


def test_every_field_of_the_key_makes_another_engine():
    others = [KEY._replace(**{field: "other"}) for field in KEY._fields]
    assert len({key.digest() for key in others + [KEY]}) == len(KEY._fields) + 1


@pytest.mark.parametrize("content", [b"", ENGINE[:100], b"X" + ENGINE[1:], ENGINE + b"X"])
def test_a_damaged_engine_is_said_and_built_again(kept, content):
    with open(files_of(kept, ".engine")[0], "wb") as file:
        file.write(content)
    found = kept.find(KEY)
    assert found.engine is None and "damaged" in found.reason
    kept.keep(KEY, ENGINE, {})
    assert kept.find(KEY).engine == ENGINE


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"key": 7}', b"\xff\xfe"])
def test_a_damaged_description_is_no_engine(kept, content):
    with open(files_of(kept, ".json")[0], "wb") as file:
        file.write(content)
    found = kept.find(KEY)
    assert found.engine is None and found.reason


def test_an_engine_without_its_description_is_damaged(kept):
    os.remove(files_of(kept, ".json")[0])
    assert "damaged" in kept.find(KEY).reason


def test_an_engine_that_is_gone(kept):
    os.remove(files_of(kept, ".engine")[0])
    assert "cannot be read" in kept.find(KEY).reason


def test_the_one_before_is_kept_for_a_rollback_and_older_ones_are_removed(cache):
    keys = [KEY._replace(model=letter * 64) for letter in "abcd"]
    for n, key in enumerate(keys):
        cache.keep(key, ENGINE, {})
        for path in files_of(cache, key.digest() + ".json"):
            os.utime(path, (n, n))  # some file systems count whole seconds
    assert [cache.find(key).engine == ENGINE for key in keys] == [False, False, True, True]
    assert len(os.listdir(cache.directory)) == 4


def test_engines_of_other_roles_stay(kept):
    other = EngineCache(kept.directory, "expert")
    for letter in "abc":
        other.keep(KEY._replace(model=letter * 64), b"other", {})
    assert kept.find(KEY).engine == ENGINE


def test_the_description_tells_what_it_was_built_from(kept):
    with open(files_of(kept, ".json")[0]) as file:
        described = json.load(file)
    assert described["key"] == dict(KEY._asdict())
    assert (described["from"], described["bytes"]) == ("onnx", len(ENGINE))


def test_a_write_that_fails_leaves_the_old_engine_and_nothing_else(kept, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    before = sorted(os.listdir(kept.directory))
    monkeypatch.setattr(cache_module.os, "fsync", full)
    with pytest.raises(OSError):
        kept.keep(KEY, b"new", {})
    with pytest.raises(OSError):
        kept.keep(KEY._replace(precision="int8"), b"new", {})
    assert sorted(os.listdir(kept.directory)) == before
    assert kept.find(KEY).engine == ENGINE


def test_a_cache_that_cannot_be_read_holds_nothing(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert EngineCache(str(path), "detector").find(KEY).engine is None


def test_the_timing_cache_belongs_to_one_tensorrt_and_gpu(cache):
    assert cache.timing_cache(KEY) == b""
    cache.keep_timing_cache(KEY, b"timings")
    assert cache.timing_cache(KEY._replace(model="b" * 64, precision="int8")) == b"timings"
    assert cache.timing_cache(KEY._replace(tensorrt="8.6.1")) == b""
    assert cache.timing_cache(KEY._replace(gpu="Orin")) == b""


@pytest.mark.parametrize(
    "environment, directory",
    [
        ({"CACHE_DIRECTORY": "/var/cache/cry-monitor", "XDG_CACHE_HOME": "/x"}, "/var/cache/cry-monitor"),
        ({"CACHE_DIRECTORY": "/var/cache/a:/var/cache/b"}, "/var/cache/a"),
        ({"XDG_CACHE_HOME": "/home/me/c"}, "/home/me/c/cry-monitor"),
        ({}, os.path.join(os.path.expanduser("~"), ".cache", "cry-monitor")),
    ],
)
def test_where_engines_are_kept(environment, directory):
    assert cache_directory(environment) == directory


def test_the_model_is_all_that_tensorrt_may_read_of_it(tmp_path):
    files = {}
    for kind in ("tflite", "onnx", "onnx_typed", "onnx_fp32", "calibration_cache"):
        files[kind] = str(tmp_path / kind)
        with open(files[kind], "w") as file:
            file.write("content of " + kind)
    before = model_digest(files)
    for kind in sorted(files):
        with open(files[kind], "a") as file:
            file.write(".")
        after = model_digest(files)
        assert (after != before) == (kind != "tflite")
        before = after
    del files["tflite"]
    assert model_digest(files) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is careful")
@pytest.mark.parametrize("suffix", [".engine", ".json"])
def test_root_loads_no_engine_that_somebody_else_could_have_changed(kept, suffix):
    os.chown(files_of(kept, suffix)[0], 1234, -1)
    found = kept.find(KEY)
    assert found.engine is None
    assert found.reason.startswith("root loads none of it: ") and found.reason.endswith("who could change it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is careful")
def test_root_takes_no_timings_from_a_folder_of_somebody(cache):
    cache.keep_timing_cache(KEY, b"timings")
    assert cache.timing_cache(KEY) == b"timings"
    os.chown(cache.directory, 1234, -1)
    assert cache.timing_cache(KEY) == b""
