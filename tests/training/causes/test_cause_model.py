"""Cause models promise the designed sizes, and the same answer as batch, as stream, as TFLite and as ONNX."""

import json
from pathlib import Path

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from edge.errors import UserError  # noqa: E402
from training.causes.architecture import HEADS, Architecture  # noqa: E402
from training.causes.model import build_model, encoder_parameters, head_parameters, multiply_adds  # noqa: E402
from training.causes.streaming import cause_step, delay, encoder_step, window_head  # noqa: E402
from training.compression.tensorised import Recipe, tensorise  # noqa: E402

COUNTS = json.loads((Path(__file__).parents[1] / "lmu_vectors.json").read_text())["param_counts"]
SMALL = {"encoder": (4, 3, 2), "rows": 19, "columns": 12, "units": 6, "channels": 2, "order": 3}
LABELS = 3
STREAMED = [head for head in HEADS if head != "transformer"]
numpy = keras.ops.convert_to_numpy


def scattered(model):
    """A model whose weights and moments are not where they start."""
    rng = np.random.default_rng(4)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(weight + 0.2 * np.abs(rng.normal(size=weight.shape)))
    return model


def small_model(head, **changes):
    keras.utils.set_random_seed(1)
    return scattered(build_model(Architecture(head=head, **{**SMALL, "attention_heads": 2, **changes}), LABELS))


def clip(columns=SMALL["columns"]):
    return np.random.default_rng(5).normal(size=(1, columns, SMALL["rows"], 1)).astype(np.float32)


def run_stream(call, step, x, n, late, before=0):
    """Every output of a stream fed n columns at a time, and what closes it; the first `before` are not yet valid."""
    padded = -(-(x.shape[1] + late) // n) * n
    columns = np.full((1, padded, *x.shape[2:]), 7.0, np.float32)  # what is not valid may hold anything
    columns[:, : x.shape[1]] = x
    place = np.arange(padded)
    valid = ((before <= place) & (place < x.shape[1]))[None].astype(np.float32)
    states = {k.name: np.zeros(k.shape, np.float32) for k in step.inputs if k.name.startswith("state_")}
    outputs = []
    for begin in range(0, padded, n):
        part = slice(begin, begin + n)
        out = call({"columns": columns[:, part], "valid": valid[:, part], **states})
        states = {name: out[f"new_{name}"] for name in states}
        outputs.append(out)
    return outputs


def in_keras(step):
    return lambda inputs: {name: numpy(value) for name, value in step(inputs, training=False).items()}


def in_tflite(model):
    from ai_edge_litert.interpreter import Interpreter

    from export.convert.keras_to_tflite import keras_to_tflite

    interpreter = Interpreter(model_content=keras_to_tflite(model, "fp32", None), num_threads=1)
    return lambda inputs: interpreter.get_signature_runner()(**inputs)


def in_onnx(model):
    onnxruntime = pytest.importorskip("onnxruntime")
    import tensorflow as tf
    import tf2onnx

    from export.convert.quiet import quiet
    from export.convert.rewrites import rewrite
    from export.tensorrt_lint import lint

    signature = [tf.TensorSpec(tensor.shape, tf.float32, name=tensor.name) for tensor in model.inputs]
    function = tf.function(lambda *x: model(list(x), training=False), input_signature=signature)
    with quiet():
        graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=13)
    graph.ir_version = 7
    content = rewrite(graph.SerializeToString())
    assert lint(content) == []
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs), strict=True))


@pytest.mark.parametrize(
    "head, changes, count",
    [
        ("lstm", {}, COUNTS["lstm128"]),
        ("gru", {}, COUNTS["gru128_reset_after"]),
        ("transformer", {}, COUNTS["transformer_d128"]),
        ("lmu", {}, COUNTS["lmu_q4_d16_h128"]),
        ("lmu", {"channels": 1, "order": 64}, COUNTS["lmu_q1_d64_h128"]),
        ("lmu", {"channels": 8, "order": 32}, COUNTS["lmu_q8_d32_h128"]),
        ("parallel_lmu", {}, 1088 * 4 + 64 * 128 + 128),
        ("none", {}, 0),
    ],
)
def test_sizes_are_the_designed_ones(head, changes, count):
    model = build_model(Architecture(encoder="full", head=head, **changes), 5)
    assert encoder_parameters(model) == COUNTS["stem_128_64_32_incl_bn"]
    assert model.get_layer("sequence").output.shape == (None, 233, COUNTS["flat_dim"])
    assert head_parameters(model) == count


def test_the_lmu_saves_95_percent_of_the_lstm():
    assert 1 - COUNTS["lmu_q4_d16_h128"] / COUNTS["lstm128"] == pytest.approx(0.952, abs=0.0005)


def test_multiply_adds_are_the_designed_ones():
    full = multiply_adds(build_model(Architecture(encoder="full", head="lstm"), 5))
    lite = multiply_adds(build_model(Architecture(encoder="lite", head="parallel_lmu"), 5))
    assert full["encoder"] == pytest.approx(2.70e9, rel=0.005)
    assert lite["encoder"] == pytest.approx(0.46e9, rel=0.01)
    assert full["head"] == 233 * 4 * 128 * (1088 + 128)
    assert lite["head"] == 233 * (1088 * 4 + 64) + 64 * 128
    assert lite["encoder"] / 233 * 0.2 / 0.015 < 60e6  # a hop's share


def test_a_few_rows_are_enough():
    """The pitch alone, two rows, for the feature ablation."""
    model = build_model(Architecture(head="gru", **{**SMALL, "rows": 2}), LABELS)
    assert model(np.zeros((1, SMALL["columns"], 2, 1))).shape == (1, LABELS)


@pytest.mark.parametrize("head", ["transformer", "lmu", "parallel_lmu"])
def test_saved_is_loaded(head, tmp_path):
    model = small_model(head)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(loaded(clip())), numpy(model(clip())))


@pytest.mark.parametrize("head", STREAMED)
def test_streaming_is_batch(head):
    """Of columns five at a time; of the encoder's in other numbers see below."""
    model, n = small_model(head), 5
    step = cause_step(model, n)
    last = run_stream(in_keras(step), step, clip(), n, delay(model))[-1]
    np.testing.assert_allclose(last["cause"], numpy(model(clip())), atol=1e-5)


def test_a_memory_of_tensor_trains_streams_as_it_is_saved(tmp_path):
    small = tensorise(small_model("parallel_lmu"), Recipe(2, 1, layers=("head_parallel_lmu",)))
    small.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert head_parameters(model) < head_parameters(small_model("parallel_lmu"))
    x, step = clip(), cause_step(model, 5)
    streamed = run_stream(in_keras(step), step, x, 5, delay(model))[-1]["cause"]
    np.testing.assert_allclose(streamed, numpy(model(x)), atol=1e-5)


@pytest.mark.parametrize("n, columns", [(1, 12), (4, 12), (5, 2), (3, 30)])
def test_the_streamed_encoder_is_the_batch_of_any_length(n, columns):
    model = small_model("none")
    step = encoder_step(model, n)
    outputs = run_stream(in_keras(step), step, clip(columns), n, delay(model))
    encoded = np.concatenate([out["encoded"] for out in outputs], axis=1)
    valid = np.concatenate([out["encoded_valid"] for out in outputs], axis=1)[0] > 0
    long = build_model(Architecture(head="none", **{**SMALL, "columns": columns}), LABELS)
    long.set_weights(model.get_weights())
    sequence = keras.Model(long.input, long.get_layer("sequence").output)
    np.testing.assert_allclose(encoded[:, valid], numpy(sequence(clip(columns))), atol=1e-5)


@pytest.mark.parametrize("head", HEADS)
def test_encoder_and_head_apart_are_the_model(head):
    model = small_model(head)
    encoder = keras.Model(model.input, model.get_layer("sequence").output)
    apart = window_head(model)(encoder(clip()), training=False)
    np.testing.assert_allclose(numpy(apart), numpy(model(clip())), atol=1e-6)


@pytest.mark.parametrize("n, before, columns", [(1, 0, 20), (5, 3, 33), (14, 2, 61), (14, 0, 7)])
def test_a_streamed_parallel_lmu_is_its_layer_on_every_window(n, before, columns):
    """Of a stream much longer than the window; nothing valid before it begins, and after its end."""
    model = small_model("parallel_lmu")
    late, steps = delay(model), SMALL["columns"]
    x = np.concatenate([np.full((1, before, SMALL["rows"], 1), 7.0, np.float32), clip(columns)], axis=1)
    step = cause_step(model, n)
    outputs = run_stream(in_keras(step), step, x, n, late + 2 * n, before)
    long = build_model(Architecture(head="none", **{**SMALL, "columns": columns}), LABELS)
    for layer in long.layers[:-2]:
        layer.set_weights(model.get_layer(layer.name).get_weights() if layer.weights else [])
    encoded = numpy(keras.Model(long.input, long.get_layer("sequence").output)(clip(columns)))
    encoded = np.concatenate([np.zeros((1, steps, encoded.shape[2]), np.float32), encoded], axis=1)
    head = window_head(model)
    for number, out in enumerate(outputs, start=1):
        end = min(max(number * n - late - before, 0), columns)  # valid columns that are encoded by then
        np.testing.assert_allclose(out["cause"], numpy(head(encoded[:, end : end + steps])), atol=1e-5)


def test_a_window_forgets_what_came_before_it():
    model, n = small_model("parallel_lmu"), 4
    step = cause_step(model, n)
    recent = clip(24)
    other = np.concatenate([100 * clip(20), recent], axis=1)
    last = [run_stream(in_keras(step), step, x, n, 0)[-1]["cause"] for x in (recent, other)]
    np.testing.assert_array_equal(*last)


@pytest.mark.parametrize("head", [head for head in STREAMED if not head.startswith("tt_")])
def test_a_step_is_the_same_in_every_engine(head):
    """Those of tensor trains are exported to every target by tests/stages/compression."""
    pytest.importorskip("tf2onnx")
    model, n = small_model(head), 2
    step = cause_step(model, n)
    expected = numpy(model(clip()))
    for engine in (in_tflite(step), in_onnx(step)):
        last = run_stream(engine, step, clip(), n, delay(model))[-1]
        np.testing.assert_allclose(last["cause"], expected, atol=1e-4)


@pytest.mark.parametrize("head", ["transformer", "parallel_lmu"])
def test_a_whole_clip_is_the_same_in_every_engine(head):
    """The heads without a loop, each behind the encoder; the others are exported as steps."""
    pytest.importorskip("tf2onnx")
    model = small_model(head)
    inputs = keras.Input(batch_shape=(1, *clip().shape[1:]), name="fused")
    whole = keras.Model([inputs], {"cause": model(inputs, training=False)})
    expected = numpy(model(clip()))
    for engine in (in_tflite(whole), in_onnx(whole)):
        np.testing.assert_allclose(engine({"fused": clip()})["cause"], expected, atol=1e-4)


def test_a_recurrent_head_passes_one_step():
    """export's own one_step() takes an LMU like any other cell."""
    pytest.importorskip("tensorflow")
    from export.convert.rewrites import one_step

    head = window_head(small_model("lmu")).layers[-1]
    step = one_step(head)
    x = np.random.default_rng(6).normal(size=(1, *head.inputs[0].shape[1:])).astype(np.float32)
    states = [np.zeros(state.shape, np.float32) for state in step.inputs[1:]]
    for column in x[0]:
        output, *states = (numpy(tensor) for tensor in step([column[None], *states], training=False))
    np.testing.assert_allclose(output, numpy(head(x)), atol=1e-5)


def test_a_transformer_is_streamed_by_windows_only():
    with pytest.raises(UserError, match="whole window: stream the encoder alone"):
        cause_step(small_model("transformer"), 1)


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"head": "rnn"}, "'rnn', it must be one of none, lstm"),
        ({"encoder": "huge"}, "'huge', it must be one of full, lite"),
        ({"encoder": (0, 3)}, "at least one filter"),
        ({"units": 0}, "units is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_what_cannot_be_is_refused(changes, reason):
    with pytest.raises(UserError, match=reason):
        Architecture(**changes)
