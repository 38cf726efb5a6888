"""FP16 types for strongly typed TensorRT: what needs single precision keeps it, and the answers stay."""

import numpy as np
import pytest
from export_examples import ds_cnn
from onnx_examples import logits

from export.convert.fp16_emulation import emulate_fp16
from export.convert.keras_graph import with_batch_of_one
from export.convert.keras_to_onnx import keras_to_onnx
from export.convert.onnx_fp16 import sort_topologically, to_fp16

COLUMNS, BANDS, WIDTH = 24, 16, 32


@pytest.fixture(scope="module")
def transformer(keras):
    """A transformer block on (1, 24, 16, 1), its answers to frames that are far from zero, and its fp32 ONNX."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((COLUMNS, BANDS, 1))
    x = layers.Dense(WIDTH)(layers.Reshape((COLUMNS, BANDS))(inputs))
    x = x + layers.MultiHeadAttention(2, WIDTH // 2)(*[layers.LayerNormalization(name="first")(x)] * 2)
    x = x + layers.Dense(WIDTH)(layers.Dense(64, activation="relu")(layers.LayerNormalization()(x)))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))))
    frames = np.random.default_rng(0).normal(0, 300, (12, COLUMNS, BANDS, 1)).astype(np.float32)
    return keras_to_onnx(with_batch_of_one(model)), frames, np.asarray(model(frames))


def types_of(content):
    """{node: (operator, element type of its first float output)} after inference."""
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), strict_mode=True)
    known = {v.name: v.type.tensor_type.elem_type for v in (*model.graph.value_info, *model.graph.output)}
    return {node.name: (node.op_type, known[node.output[0]]) for node in model.graph.node}


def test_layer_norm_and_softmax_stay_single_and_products_become_half(transformer):
    from onnx import TensorProto

    content, _, _ = transformer
    before, after = types_of(content), types_of(to_fp16(content))
    single = [n for n, (operator, _) in before.items() if operator in ("Softmax", "Sqrt") or "/moments/" in n]
    products = [n for n, (operator, _) in before.items() if operator in ("MatMul", "Gemm")]
    assert len(single) >= 1 + 3 * 4 and {after[name][1] for name in single} == {TensorProto.FLOAT}
    assert len(products) >= 8 and {after[name][1] for name in products} == {TensorProto.FLOAT16}


def test_input_and_output_stay_single(transformer):
    import onnx

    model = onnx.load_from_string(to_fp16(transformer[0]))
    values = [*model.graph.input, *model.graph.output]
    assert {value.type.tensor_type.elem_type for value in values} == {onnx.TensorProto.FLOAT}
    assert model.ir_version <= 7 and {entry.version for entry in model.opset_import if not entry.domain} == {13}


def test_variance_beyond_half_precision_is_kept(transformer):
    """Deviations of some hundreds have a variance above 65504: all in half precision, the answer is lost."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    content, frames, expected = transformer
    np.testing.assert_allclose(logits(content, frames), expected, atol=1e-4)
    kept = to_fp16(content)
    assert np.abs(logits(kept, frames) - expected).max() < 0.01
    assert np.abs(logits(emulate_fp16(kept), frames) - expected).max() < 0.01
    everything = convert_float_to_float16(onnx.load_from_string(content), keep_io_types=True)
    sort_topologically(everything.graph)
    lost = logits(emulate_fp16(everything.SerializeToString()), frames)
    assert not np.abs(lost - expected).max() < 0.1


def test_half_steps_round_every_tensor():
    """Against NumPy: 1 + 2^-11 is 1 in half precision, so a product of two additions loses both."""
    import onnx

    step = np.float32(2.0**-11)
    values = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, 4]) for n in ("features", "logits")]
    nodes = [
        onnx.helper.make_node("Add", ["features", "step"], ["sum"]),
        onnx.helper.make_node("Mul", ["sum", "factor"], ["logits"]),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.full((1, 4), value, np.float32), name)
        for name, value in (("step", step), ("factor", 1024.0))
    ]
    graph = onnx.helper.make_graph(nodes, "sums", values[:1], values[1:], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=7)
    x = np.array([[1.0, 0.5, 3.0, 0.1]], np.float32)
    got = logits(emulate_fp16(to_fp16(model.SerializeToString())), x)
    in_half = (x.astype(np.float16) + np.float16(step)) * np.float16(1024)
    np.testing.assert_array_equal(got, in_half.astype(np.float32))


def test_a_mean_that_is_no_variance_becomes_half(keras):
    """Global pooling needs no single precision."""
    from onnx import TensorProto

    content = keras_to_onnx(with_batch_of_one(ds_cnn(keras)))
    kinds = {kind for operator, kind in types_of(to_fp16(content)).values() if operator != "Cast"}
    assert kinds == {TensorProto.FLOAT16}
