"""The linter: each rule finds what breaks it, names node, rule and rewrite, and lets the rest pass."""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from onnx import TensorProto  # noqa: E402
from onnx_examples import file, graph, node, one_node, value  # noqa: E402

from edge.bundle import DEFAULT_BUNDLE_DIR  # noqa: E402
from edge.errors import UserError  # noqa: E402
from export.command import main  # noqa: E402
from export.tensorrt_lint import VERSIONS, Finding, lint  # noqa: E402

X = value("x", [1, 4])
SCALE, SCALES, ZERO = np.float32(0.1), np.array([0.1, 0.2, 0.3, 0.4], np.float32), np.int8(0)
WEIGHTS = np.ones((4, 3), np.float32)


def rules(content, version="8.2"):
    """(node, rule) of every finding; that each is one line with a rewrite is checked on the way."""
    findings = lint(content, version)
    for finding in findings:
        assert finding.rewrite and "\n" not in str(finding)
        assert str(finding) == f"{finding.node} ({finding.operator}): {finding.rule}; {finding.rewrite}"
    return [(finding.node, finding.rule) for finding in findings]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_detector_that_ships_passes(version):
    content = (Path(DEFAULT_BUNDLE_DIR) / "detector.fp32.onnx").read_bytes()
    assert lint(content, version) == []


def test_a_finding_names_node_rule_and_rewrite():
    assert lint(one_node("Reciprocal", X)) == [
        Finding(
            "y_node",
            "Reciprocal",
            "TensorRT 8.2 does not import Reciprocal",
            "apply export.convert.rewrites.rewrite: 1 / x",
        )
    ]
    assert str(lint(one_node("Reciprocal", X))[0]) == (
        "y_node (Reciprocal): TensorRT 8.2 does not import Reciprocal; apply export.convert.rewrites.rewrite: 1 / x"
    )


def test_each_version_imports_what_its_column_says():
    example = one_node("Mod", X, np.ones(4, np.float32), fmod=1)
    assert rules(example, "8.2") == [("y_node", "TensorRT 8.2 does not import Mod")]
    assert rules(example, "8.6") == rules(example, "10.1") == []


def test_an_operator_that_no_table_knows_is_found():
    assert rules(one_node("Laugh", X)) == [("y_node", "TensorRT 8.2 does not import Laugh")]


def test_an_operator_of_another_domain_is_found_whatever_its_name():
    content = file([node("Relu", ["x"], ["y"], domain="com.example")], [X], domains=["com.example"])
    assert rules(content) == [("y_node", "TensorRT 8.2 imports no operator of the domain com.example")]


def test_a_node_without_a_name_is_named_after_its_output():
    content = file([onnx.helper.make_node("Laugh", ["x"], ["y"])], [X])
    assert rules(content)[0][0] == "y"


def in_branches(*nodes, outer_weights=None, **keywords):
    """A file with an If whose branches hold these nodes, which see "x" (1, 4) and the outer weights."""

    def branch(name):
        inner = [*nodes, node("Identity", [nodes[-1].output[0]], [name])]
        return graph(inner, outputs=[value(name, [1, 4])], **keywords)

    outer = node("If", ["c"], ["y"], then_branch=branch("a"), else_branch=branch("b"))
    return file([outer], [X, value("c", [], TensorProto.BOOL)], weights=outer_weights)


def test_nodes_of_subgraphs_are_named_after_the_node_around_them():
    assert (
        rules(in_branches(node("Mod", ["x", "x"], ["m"], fmod=1)))
        == [("y_node/m_node", "TensorRT 8.2 does not import Mod")] * 2
    )
    assert rules(in_branches(node("Relu", ["x"], ["r"]))) == []


def test_initialisers_are_seen_from_subgraphs():
    inner = node("CumSum", ["x", "axis"], ["s"])
    assert rules(in_branches(inner, outer_weights={"axis": np.array(1)})) == []


def test_types_are_known_in_subgraphs():
    integers = node("Cast", ["x"], ["i"], to=TensorProto.INT32), node("Relu", ["i"], ["j"])
    back = node("Cast", ["j"], ["f"], to=TensorProto.FLOAT)
    assert ("y_node/j_node", "'i' is INT32, TensorRT 8.2 takes FP16, FP32, INT8") in rules(in_branches(*integers, back))


def test_a_newer_opset_or_ir_version_is_found():
    assert rules(one_node("Relu", X, opset=13)) == []
    assert rules(one_node("Relu", X, opset=14)) == [("file", "opset at most 13")]
    content = file([node("Relu", ["x"], ["y"])], [X], ir_version=8)
    assert rules(content) == [("file", "IR version at most 7")]


@pytest.mark.parametrize("shape", [[None, 4], ["n", 4], None])
def test_a_dynamic_input_is_found_once(shape):
    shown = shape and (None, 4)
    assert rules(one_node("Relu", value("x", shape))) == [
        ("x", f"dynamic shape {shown}, an engine is built for one shape")
    ]


def test_an_initialiser_that_old_files_list_as_input_is_no_input():
    content = file([node("MatMul", ["x", "w"], ["y"])], [X, value("w", [None, 3])], weights={"w": WEIGHTS})
    assert rules(content) == []


def test_a_shape_that_depends_on_the_data_is_found():
    content = file(
        [node("NonZero", ["x"], ["i"]), node("Cast", ["i"], ["y"], to=TensorProto.FLOAT)],
        [X],
    )
    assert rules(content, "10.1") == [("i_node", "the shape of 'i' is dynamic: it depends on the data")]


@pytest.mark.parametrize(
    "elem_type, name, known_to",
    [
        (TensorProto.FLOAT, "FP32", VERSIONS),
        (TensorProto.FLOAT16, "FP16", VERSIONS),
        (TensorProto.INT32, "INT32", VERSIONS),
        (TensorProto.BFLOAT16, "BF16", ["10.1"]),
        (TensorProto.INT64, "INT64", ["10.1"]),
        (TensorProto.DOUBLE, "DOUBLE", []),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_types_of_inputs_and_outputs_are_those_of_the_version(elem_type, name, known_to, version):
    content = one_node("Abs", value("x", [1, 4], elem_type))
    unknown = [
        ("x", f"'x' is {name}, TensorRT {version} has no such type"),
        ("y_node", f"'y' is {name}, TensorRT {version} has no such type"),
    ]
    assert rules(content, version) == ([] if version in known_to else unknown)


def test_an_operator_takes_only_the_types_of_its_row():
    content = one_node("MatMul", value("x", [1, 4], TensorProto.INT32), np.ones((4, 3), np.int32))
    assert rules(content) == [("y_node", "'x' is INT32, TensorRT 8.2 takes FP16, FP32")]
    indices = one_node("Gather", X, value("i", [2], TensorProto.INT32), axis=1)
    chosen = one_node("Where", value("c", [1, 4], TensorProto.BOOL), X, np.zeros(4, np.float32))
    assert rules(indices) == rules(chosen) == []  # the row is not about indices and conditions


def test_the_type_that_onnx_leaves_free_is_the_one_of_the_row():
    content = one_node("ConstantOfShape", np.array([4]), value=onnx.numpy_helper.from_array(np.ones(1, np.int32)))
    assert rules(content) == [("y_node", "'y' is INT32, TensorRT 8.2 takes FP32")]


def test_int64_initialisers_are_cast_and_int64_activations_are_not():
    assert rules(one_node("Reshape", X, np.array([4, 1]))) == []
    stored = node("Constant", [], ["k"], value_ints=[4, 1])
    assert rules(file([stored, node("Reshape", ["x", "k"], ["y"])], [X])) == []
    computed = file([node("Shape", ["x"], ["s"]), node("Reshape", ["x", "s"], ["y"])], [X])
    assert ("s_node", "'s' is INT64, TensorRT 8.2 has no such type") in rules(computed)
    assert "s_node" not in dict(rules(computed, "10.1"))


@pytest.mark.parametrize("array, name", [(np.ones(4, np.float64), "DOUBLE"), (np.ones(4, np.uint8), "UINT8")])
def test_other_types_of_initialisers_are_found(array, name):
    content = one_node("Cast", array, to=TensorProto.FLOAT)
    assert rules(content) == [("y_node", f"'w0' is {name}, TensorRT 8.2 has no such initialiser")]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinite_weights_are_found(bad):
    weights = WEIGHTS.copy()
    weights[0, 0] = bad
    rule = "1 of 12 numbers are NaN or infinite"
    assert rules(one_node("MatMul", X, weights)) == [("w1", rule)]
    stored = node("Constant", [], ["k"], value=onnx.numpy_helper.from_array(weights))
    assert rules(file([stored, node("MatMul", ["x", "k"], ["y"])], [X])) == [("k_node", rule)]
    inside = in_branches(node("Add", ["x", "w"], ["s"]), weights={"w": np.array([1, 1, 1, bad], np.float32)})
    assert rules(inside) == [("y_node/w", "1 of 4 numbers are NaN or infinite")] * 2


def quantised(x_scale=SCALE, x_zero=ZERO, w=WEIGHTS, w_scale=SCALE, inputs=(), version="8.2"):
    """rules() of x and w through Q/DQ into a MatMul; w without Q when it is already INT8."""
    weights = {"xs": x_scale, "xz": x_zero, "w": w, "ws": w_scale, "wz": ZERO}
    zero_point = ["xz"] if x_zero is not None else []
    nodes = [
        node("QuantizeLinear", ["x", "xs", *zero_point], ["xq"]),
        node("DequantizeLinear", ["xq", "xs", *zero_point], ["xd"]),
        node("QuantizeLinear", ["w", "ws", "wz"], ["wq"], axis=1),
        node("DequantizeLinear", ["wq" if w.dtype == np.float32 else "w", "ws", "wz"], ["wd"], axis=1),
        node("MatMul", ["xd", "wd"], ["y"]),
    ]
    if w.dtype != np.float32:
        del nodes[2]
    given = {value.name for value in inputs}
    stored = {name: array for name, array in weights.items() if array is not None and name not in given}
    return rules(file(nodes, [X, *inputs], weights=stored), version)


@pytest.mark.parametrize("version", VERSIONS)
def test_explicit_int8_with_weights_per_channel_passes(version):
    assert quantised(version=version) == quantised(w_scale=SCALES[:3], version=version) == []


@pytest.mark.parametrize("scale", [0.0, -0.1, np.nan, np.inf])
def test_a_scale_that_is_not_positive_is_found(scale):
    rule = "the scale must be an initialiser of positive numbers"
    assert [found for found in quantised(x_scale=np.float32(scale)) if found[0] != "xs"] == [
        ("xq_node", rule),
        ("xd_node", rule),
    ]


def test_a_scale_that_is_computed_is_found():
    found = quantised(inputs=[value("xs", [])])
    assert found[0] == ("xq_node", "the scale must be an initialiser of positive numbers")


def test_activations_quantised_per_channel_are_found():
    found = quantised(x_scale=SCALES, x_zero=np.zeros(4, np.int8))
    assert [name for name, rule in found if rule == "only weights are quantised per channel"] == ["xq_node", "xd_node"]


@pytest.mark.parametrize("zero_point", [np.uint8(0), None])
def test_uint8_is_found_also_where_it_is_only_the_default(zero_point):
    found = quantised(x_zero=zero_point)
    assert found == [(name, "'xq' is UINT8, TensorRT 8.2 takes INT8") for name in ("xq_node", "xd_node")]


def test_only_floating_point_is_quantised():
    content = one_node("QuantizeLinear", value("x", [4], TensorProto.INT32), SCALE, ZERO)
    assert rules(content) == [("y_node", "'x' is INT32, only floating point is quantised")]


def test_weights_stored_as_int8_are_found_for_8_and_pass_for_10():
    weights = WEIGHTS.astype(np.int8)
    assert quantised(w=weights) == [("wd_node", "TensorRT 8.2 takes no quantised initialiser")]
    assert len(quantised(w=weights, version="8.6")) == 1
    assert quantised(w=weights, version="10.1") == []


def test_another_version_is_refused_with_those_there_are():
    with pytest.raises(UserError, match=r"'7\.1': choose one of 8\.2, 8\.6, 10\.1"):
        lint(one_node("Relu", X), "7.1")


def test_an_output_that_nobody_reads_may_have_any_type():
    """The largest numbers alone pass; with the places at which they are, INT64, they do not."""
    top = node("TopK", ["x", "k"], ["y", "places"])
    assert rules(file([top], [X], [value("y", [1, 2])], {"k": [2]})) == []
    places = value("places", [1, 2], TensorProto.INT64)
    assert "INT64" in rules(file([top], [X], [value("y", [1, 2]), places], {"k": [2]}))[0][1]


def test_a_file_that_is_no_onnx_is_named(tmp_path, capsys):
    (tmp_path / "model.pt2").write_bytes(b"PK")
    assert main(["--lint", str(tmp_path / "model.pt2")]) == 1
    assert "model.pt2: 2 bytes are no ONNX file" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"not an ONNX file", b"\x08\x07"])
def test_what_is_no_onnx_file_is_refused(content):
    with pytest.raises(UserError, match=f"{len(content)} bytes are no ONNX file"):
        lint(content)
