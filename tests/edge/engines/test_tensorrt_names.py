"""Every name our TensorRT code calls exists in the real bindings of the version it calls it in."""

import subprocess

import pytest
from tensorrt_names import all_functions, called_names, download, names_by_class, wheel_names

from edge.engines.base import EngineUnavailable
from edge.engines.tensorrt.api import api_of

# Version, wheel, whether its code still registers member after member (newer compilers move them).
WHEELS = [
    ("8.6.1", "tensorrt_bindings==8.6.1", True),  # JetPack 6.0
    ("10.3.0", "tensorrt_cu12_bindings==10.3.0", True),  # JetPack 6.2
    ("11.4.0.106", "tensorrt_cu12_bindings==11.4.0.106", False),
]

# The wheels name these in a function of their own: what TensorRT calls of ours, and two long registrations.
APART = {
    "log",
    "phase_start",
    "step_complete",
    "phase_finish",
    "Severity",
    "create_timing_cache",
    "deserialize_cuda_engine",
}

# For 8.2, of JetPack 4.6, there is no wheel: from NVIDIA's published source of the bindings and reference of 8.2.
NAMES_8_2 = {
    None: "Builder BuilderFlag DataType ILogger IInt8EntropyCalibrator2 LayerType NetworkDefinitionCreationFlag "
    "OnnxParser Runtime __version__",
    "ILogger": "Severity log",
    "Severity": "INTERNAL_ERROR ERROR WARNING",
    "Builder": "create_network create_builder_config build_serialized_network platform_has_fast_fp16 "
    "platform_has_fast_int8",
    "NetworkDefinitionCreationFlag": "EXPLICIT_BATCH",
    "BuilderFlag": "FP16 INT8 PREFER_PRECISION_CONSTRAINTS",
    "IBuilderConfig": "max_workspace_size set_flag int8_calibrator create_timing_cache set_timing_cache "
    "get_timing_cache",
    "ITimingCache": "serialize combine reset",
    "IInt8EntropyCalibrator2": "get_batch_size get_batch read_calibration_cache write_calibration_cache",
    "INetworkDefinition": "num_layers get_layer",
    "ILayer": "type precision get_input get_output",
    "ITensor": "dtype name",
    "LayerType": "SOFTMAX REDUCE UNARY ELEMENTWISE",
    "DataType": "FLOAT HALF",
    "OnnxParser": "parse num_errors get_error",
    "ParserError": "desc node",
    "Runtime": "deserialize_cuda_engine",
    "ICudaEngine": "num_bindings get_binding_name get_binding_shape get_binding_dtype binding_is_input "
    "create_execution_context",
    "IExecutionContext": "execute_async_v2",
}


@pytest.fixture(params=WHEELS, ids=[version for version, _, _ in WHEELS])
def wheel(request):
    """(version, names in the order of the code, names of __init__.py, whether that order is the classes')."""
    version, requirement, in_order = request.param
    directory = request.config.cache.mkdir("tensorrt-" + version)
    try:
        path = download(requirement, str(directory))
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip("{} cannot be downloaded: {}".format(requirement, error))
    return (version,) + wheel_names(path) + (in_order,)


def test_every_name_called_exists_in_the_real_bindings(wheel):
    version, names, of_init, _ = wheel
    assert len(names) > 1000
    called, _ = called_names(api_of(version))
    assert len(called) > 40
    assert {name for _, name in called} - set(names) - set(of_init) == set()


def test_every_name_called_belongs_to_the_class_it_is_called_on(wheel):
    version, names, _, in_order = wheel
    if not in_order:
        pytest.skip("the code of {} does not tell which class a member belongs to".format(version))
    classes = names_by_class(names)
    called, _ = called_names(api_of(version))
    missing = [
        call
        for call in sorted(called, key=str)
        if call.cls and call.name not in classes[call.cls] and call.name not in APART
    ]
    assert missing == []


def test_every_name_called_exists_in_8_2():
    called, _ = called_names(api_of("8.2.1.8"))
    known = {(cls, name) for cls, names in NAMES_8_2.items() for name in names.split()}
    assert called - known == set()


GONE = {
    "8.6.1": {"STRONGLY_TYPED", "IProgressMonitor", "progress_monitor"},
    "10.3.0": {"num_bindings", "execute_async_v2", "max_workspace_size", "build_engine"},
    "11.4.0.106": {
        "num_bindings",
        "EXPLICIT_BATCH",
        "FP16",
        "platform_has_fast_int8",
        "int8_calibrator",
        "IInt8EntropyCalibrator2",
        "PREFER_PRECISION_CONSTRAINTS",
    },
}


def test_the_wheels_tell_the_versions_apart(wheel):
    """What the check rests on: a name that a version lacks is not found in its wheel."""
    assert GONE[wheel[0]] & set(wheel[1]) == set()


def test_no_call_escapes_the_check():
    """Each function is reached from open_tensorrt under one version or another."""
    reached = set()
    for version in ("8.2.1.8", "8.4.3", "8.6.1", "10.3.0", "11.4.0"):
        reached |= called_names(api_of(version))[1]
    assert all_functions() - reached == set()


def test_branches_go_as_the_version_says():
    old, new = ({name for _, name in called_names(api_of(version))[0]} for version in ("8.2.1.8", "10.3.0"))
    assert {"num_bindings", "execute_async_v2", "max_workspace_size", "EXPLICIT_BATCH"} <= old - new
    assert {"num_io_tensors", "execute_async_v3", "set_memory_pool_limit", "STRONGLY_TYPED"} <= new - old
    assert "FP16" in old & new
    assert not {"FP16", "INT8", "platform_has_fast_int8"} & {name for _, name in called_names(api_of("11.0.0"))[0]}


@pytest.mark.parametrize("version", ["7.1.3", "8.0.1.6", "dev"])
def test_a_version_that_is_not_driven_is_said(version):
    with pytest.raises(EngineUnavailable, match=version):
        api_of(version)
