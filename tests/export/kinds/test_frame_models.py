"""A denoiser and an expert behind it through edge-export: what the device makes of frames is what Keras makes."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from export_examples import exported, log_mel_frames
from frame_examples import LABELS, loaded_model

from edge.bundle import load_bundle
from edge.errors import UserError
from export import exporter
from export.bundle_writer import model_entry
from export.convert.files import convert, less_quantised
from export.model import SourceModel
from export.parity import comparison, measure, precision_fallback
from export.sources.description import kind_of
from export.targets import FP32, QUANTISED, TARGETS
from export.tensorrt_lint import lint

BUNDLED = ("rpi-int8", "jetson-int8")
OTHERS = [target for target in TARGETS if target not in BUNDLED]


@pytest.fixture(scope="module")
def bundles(frame_sources, calibration_dir, tmp_path_factory, work_done_once):
    """A bundle for some targets."""
    return exported(BUNDLED, frame_sources, calibration_dir, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def evidence(frame_sources, bundles, calibration_dir):
    """What denoiser and expert are judged on, by title; nothing of it is computed anew."""
    loaded = exporter.load_models(frame_sources)
    return {model.title: model.kind.evidence(model, loaded.models, calibration_dir) for model in loaded.models}


def read_report(folder):
    return json.loads((folder / "report.json").read_text())


@pytest.mark.parametrize("target", BUNDLED)
def test_the_device_loads_denoiser_and_expert(bundles, target):
    bundle = load_bundle(bundles / target)
    (expert,) = bundle.experts
    assert bundle.denoiser is not None and (expert.name, expert.labels) == ("transformer", LABELS)
    assert (expert.temperature, expert.energy_threshold, expert.step_columns) == (1.3, -0.5, 40)
    assert expert.is_denoised
    entry = json.loads((bundles / target / "manifest.json").read_text())["models"][1]
    assert entry["role"] == entry["name"] == "denoiser" and "labels" not in entry and "temperature" not in entry


@pytest.mark.parametrize("target", BUNDLED)
def test_the_device_hears_through_both_what_keras_hears(keras, bundles, frame_sources, target):
    """From raw log-mel of other sounds, against the saved Keras models one after the other."""
    bundle, saved = load_bundle(bundles / target), {}
    for name in ("denoiser", "transformer"):
        saved[name] = keras.saving.load_model(frame_sources / name / "model.keras", compile=False)
    for frame in log_mel_frames(6, seed=31):
        x = ((frame - frame.mean()) / 3.0)[None, :, :, None]
        clean = np.asarray(saved["denoiser"](x))
        logits = np.asarray(saved["transformer"](clean))[0]
        estimate = bundle.denoiser.estimate(frame)
        assert np.abs(estimate - clean[0, :, :, 0]).mean() < 0.05
        assert bundle.experts[0].push(estimate).argmax() == logits.argmax()


@pytest.mark.parametrize("target", BUNDLED)
def test_the_report_measures_frames_answers_and_both_in_a_row(bundles, target):
    jsonschema = pytest.importorskip("jsonschema")
    report = read_report(bundles / target)
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "export.schema.json").read_text())
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
    assert [model["title"] for model in report["models"]] == ["detector", "denoiser", "expert-transformer"]
    compared = {
        title: [file for file in report["files"] if file["model"] == title and "parity" in file]
        for title in ("denoiser", "expert-transformer")
    }
    for file in compared["denoiser"]:
        parity = file["parity"]
        assert parity["distance_db"] <= 1.0 and parity["n"] > 120
        assert parity["gain_db"] == pytest.approx(parity["keras_gain_db"], abs=0.3) and parity["gain_db"] > 0.1
        assert file["worst"][0]["distance_db"] >= parity["distance_db"]
    for file in compared["expert-transformer"]:
        assert min(file[key]["label_agreement"] for key in ("parity", "behind_denoiser")) >= 0.99
        assert file["parity"]["energy_auc"]["keras"] is not None and file["parity"]["auc"] is None
        assert file["worst"][0]["label"] in LABELS
    exact = next(f for f in compared["expert-transformer"] if f["precision"] == "fp32")
    assert exact["behind_denoiser"]["max_posterior_error"] <= 1e-4
    page = (bundles / target / "report.html").read_text()
    assert "Behind the exported denoiser" in page and "log-spectral distance" in page


def test_multiply_adds_are_those_of_the_layers(keras, bundles, frame_sources):
    """A product with a matrix counts for every token; the frames of every second hop are looked at."""
    from training.transformer.sizes import multiply_adds

    models = {model["title"]: model for model in read_report(bundles / "rpi-int8")["models"]}
    for name, title in (("denoiser", "denoiser"), ("transformer", "expert-transformer")):
        counted = multiply_adds(keras.saving.load_model(frame_sources / name / "model.keras", compile=False))
        assert models[title]["multiply_adds"] == pytest.approx(sum(counted.values()), rel=0.02)
        assert models[title]["multiply_adds_per_hop"] == round(models[title]["multiply_adds"] / 2)


def test_int8_leaves_attention_in_float(bundles):
    """Of TFLite and of Q/DQ: int8 products with weights; softmax, normalisations and attention's products float."""
    import onnx
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(bundles / "rpi-int8" / "expert-transformer.int8.tflite"))
    interpreter.allocate_tensors()
    types = {tensor["index"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    kinds = {}
    for operator in interpreter._get_ops_details():
        kinds.setdefault(operator["op_name"], set()).add(types[operator["outputs"][0]])
    assert kinds["CONV_2D"] == {np.int8} and np.int8 in kinds["FULLY_CONNECTED"]
    assert {t for name in ("SOFTMAX", "BATCH_MATMUL", "RSQRT", "MEAN") for t in kinds[name]} == {np.float32}
    content = (bundles / "jetson-int8" / "expert-transformer.int8.onnx").read_bytes()
    graph = onnx.load_from_string(content).graph
    dequantised = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    assert not dequantised & {name for node in graph.node if node.op_type == "Softmax" for name in node.input}
    names = (bundles / "jetson-int8" / "expert-transformer.int8.cache").read_text()
    softmax = [node for node in graph.node if node.op_type == "Softmax"]
    assert softmax and not any(f"\n{node.output[0]}: " in names for node in softmax)
    assert lint(content, tensorrt="8.2") == []


@pytest.mark.parametrize("target", OTHERS)
def test_every_target_takes_both(bundles, evidence, target):
    """Each file in its engine within the target's bounds, the expert behind the denoiser's file too."""
    denoised = None
    for title in ("denoiser", "expert-transformer"):
        conversion = convert(evidence[title].model, TARGETS[target], evidence[title].feeds, lambda line: None)
        measured = measure.measure(conversion.files, evidence[title], denoised)
        assert [row["violations"] for row in measured.rows] == [[]] * len(measured.rows)
        denoised = measured.answers
        for item in conversion.files:
            if item.file.kind.startswith("onnx"):
                assert lint(item.content, tensorrt="8.2") == []
            elif item.file.kind == "tflite":  # the newest that tflite-runtime 2.14 knows
                assert operator_versions(item.content).get("FULLY_CONNECTED", 0) <= 11


def operator_versions(content):
    """{operator: its version} of a TFLite file."""
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator, Model

    names = {code: name for name, code in vars(BuiltinOperator).items() if name.isupper()}
    model = Model.GetRootAsModel(content, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    return {names[code.BuiltinCode()]: code.Version() for code in codes}


def test_layer_norm_and_softmax_stay_single_in_the_typed_file(bundles, evidence):
    """Of training's own Transformer."""
    import onnx

    from export.convert.keras_to_onnx import keras_to_onnx
    from export.convert.onnx_fp16 import to_fp16

    content = to_fp16(keras_to_onnx(evidence["expert-transformer"].model.fixed))
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(content), strict_mode=True)
    types = {v.name: v.type.tensor_type.elem_type for v in (*model.graph.value_info, *model.graph.output)}
    kept = [node for node in model.graph.node if "/moments/" in node.name or node.op_type in ("Softmax", "Sqrt", "Div")]
    kinds = Counter(node.op_type for node in kept)
    norms = 2 + 2  # of the block, after it, of the head
    assert kinds["Softmax"] == 1 and kinds["Sqrt"] == norms and len(kept) >= 6 * norms
    assert {types[name] for node in kept for name in node.output} == {onnx.TensorProto.FLOAT}
    products = [node for node in model.graph.node if node.op_type == "MatMul"]
    assert products and {types[node.output[0]] for node in products} == {onnx.TensorProto.FLOAT16}


@pytest.mark.parametrize("outside, precision", [({1}, "dynamic"), ({1, 3}, "fp16"), ({1, 3, 5}, "fp32")])
def test_a_gentler_file_takes_the_place_of_int8_that_is_out_of_bounds(
    bundles, evidence, monkeypatch, outside, precision
):
    """The target is written all the same; manifest and report have the reason. outside: files, as they are judged."""
    real = comparison.violations
    seen = []

    def violations(parity, bounds):
        seen.append(parity)
        return ["label agreement 0.9, at least 0.99 is needed"] if len(seen) in outside else real(parity, bounds)

    monkeypatch.setattr(comparison, "violations", violations)
    monkeypatch.setattr(precision_fallback, "layers_to_leave", lambda *given: ())
    lines = []
    result = precision_fallback.convert_and_measure(
        evidence["expert-transformer"], TARGETS["rpi-int8"], None, lines.append
    )
    assert [item.path for item in result.conversion.files] == [
        f"expert-transformer.{precision}.tflite",
        "expert-transformer.fp32.onnx",
    ]
    assert "label agreement 0.9" in result.reason and any(f"{precision} TFLite instead" in line for line in lines)
    entry = model_entry(result.model, TARGETS["rpi-int8"], result.conversion.files, result.reason)
    assert entry["precision"] == entry["files"]["tflite"]["precision"] == precision
    assert entry["precision_reason"] == result.reason


def test_denoiser_whose_int8_an_expert_does_not_stand_becomes_dynamic(bundles, evidence, monkeypatch):
    real = measure.judge_chain
    lines = []

    def judge_chain(entry, logits, given, bounds):
        is_gentler = any("denoiser" in line and "dynamic" in line for line in lines)
        return real(entry, logits, given, bounds) if is_gentler else ["behind it, all is noise"]

    monkeypatch.setattr(measure, "judge_chain", judge_chain)
    exported = precision_fallback.export_models(list(evidence.values()), TARGETS["rpi-int8"], lines.append)
    assert [item.conversion.files[0].file.precision for item in exported] == ["int8", "dynamic", "int8"]
    assert "expert-transformer behind it" in exported[1].reason and exported[2].reason is None
    assert [item.violations for item in exported] == [[], [], []]


def test_layers_are_left_in_float_before_all_is_less_quantised(bundles, evidence, monkeypatch):
    """The file stays int8, and manifest and report say which layers are not."""
    real, seen = comparison.violations, []

    def violations(parity, bounds):
        seen.append(parity)
        return ["too far"] if len(seen) == 1 else real(parity, bounds)

    monkeypatch.setattr(comparison, "violations", violations)
    monkeypatch.setattr(precision_fallback, "layers_to_leave", lambda *given: [("cause",)])
    lines = []
    result = precision_fallback.convert_and_measure(
        evidence["expert-transformer"], TARGETS["jetson-int8"], None, lines.append
    )
    assert result.conversion.in_float == ("cause",) and "leaves cause in float" in result.reason
    assert (
        model_entry(result.model, TARGETS["jetson-int8"], result.conversion.files, result.reason)["precision"] == "int8"
    )


def test_q_dq_file_out_of_bounds_loses_its_convolutions_then_all_of_its_int8(bundles, evidence):
    import onnx

    given = evidence["expert-transformer"]
    conversion = convert(given.model, TARGETS["jetson-int8"], given.feeds, lambda line: None)
    milder = less_quantised(conversion, conversion.files[0], given.model, given.feeds, lambda line: None)
    graph = onnx.load_from_string(milder.files[0].content).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    assert {makers.get(node.input[1]) for node in graph.node if node.op_type == "Conv"} == {None}
    assert "DequantizeLinear" in {makers.get(node.input[1]) for node in graph.node if node.op_type == "MatMul"}
    assert milder.files[2].content != conversion.files[2].content
    last = less_quantised(milder, milder.files[0], given.model, given.feeds, lambda line: None)
    entry = model_entry(given.model, TARGETS["jetson-int8"], last.files, "for a reason")
    assert {kind: file["precision"] for kind, file in entry["files"].items()} == {"onnx": "fp32", "onnx_typed": "fp16"}
    assert entry["precision"] == entry["tensorrt"]["precision"] == "fp16"
    single = less_quantised(last, last.files[1], given.model, given.feeds, lambda line: None)
    entry = model_entry(given.model, TARGETS["jetson-int8"], single.files, "for a reason")
    assert entry["precision"] == entry["tensorrt"]["precision"] == "fp32" and list(entry["files"]) == ["onnx"]
    assert less_quantised(single, single.files[0], given.model, given.feeds, lambda line: None) is None


def test_adapters_are_merged_at_no_cost(frame_sources_copy, bundles, evidence):
    """The same answers and the same operators as without them."""
    from export.convert.keras_to_onnx import keras_to_onnx
    from export.report.cost import onnx_cost
    from training.transformer.model import with_adapters

    folder, plain = frame_sources_copy / "transformer", evidence["expert-transformer"].model
    adapted = with_adapters(plain.trained, 3)
    rng = np.random.default_rng(0)
    for weight in adapted.weights:
        if weight.name == "lora_b":
            weight.assign(rng.normal(0, 0.05, weight.shape))
    adapted.save(folder / "model.keras")
    model = loaded_model(folder)
    x = ((log_mel_frames(2, seed=8) + 5.0) / 3.0)[..., None]
    got = np.concatenate([np.asarray(model.fixed([x[i : i + 1]])["logits"]) for i in range(2)])
    np.testing.assert_allclose(got, np.asarray(adapted(x)), atol=1e-4)
    assert np.abs(got - np.asarray(plain.trained(x))).max() > 1e-3
    assert onnx_cost(keras_to_onnx(model.fixed)) == onnx_cost(keras_to_onnx(plain.fixed))


def test_frames_of_other_bands_are_synthetic():
    """The frames of calibration_data have 64 bands."""
    from export.kinds.frame_material import frame_material
    from export.parity.estimates import mixtures

    feature = {"name": "log_mel", "parameters": {"frame_columns": 98, "n_mels": 128}}
    description = {"role": "denoiser", "feature": feature, "normalisation": {"kind": "frame_mean", "scale": 3.0}}
    material = frame_material(SourceModel(Path("."), description, kind_of(description), None, None), Path("/nowhere"))
    assert material.quantise.inputs.shape[1:] == material.parity.inputs.shape[1:] == (98, 128, 1)
    assert material.parity.labels.any() and not material.parity.labels.all()
    assert "synthetic sounds" in material.notes[0]
    mixed = mixtures(material.parity, material.is_clean, 3.0)
    assert len(mixed.noisy) > 20 and np.abs(mixed.noisy - mixed.clean).mean() > 0.01


def test_device_that_normalises_otherwise(bundles, evidence, monkeypatch):
    """The device's own code is run on raw log-mel before the bundle is written."""
    from edge.bundle import frame_network

    bundle = load_bundle(bundles / "jetson-int8")
    for given in evidence.values():
        given.check_on_device(bundle, QUANTISED)
    monkeypatch.setattr(frame_network, "normalise", lambda frame, scale, out: np.divide(frame, scale, out=out))
    with pytest.raises(UserError, match="the denoiser in the bundle does not give on the device"):
        evidence["denoiser"].check_on_device(bundle, QUANTISED)
    with pytest.raises(UserError, match="expert transformer in the bundle does not say on the device"):
        evidence["expert-transformer"].check_on_device(bundle, FP32)


def test_a_file_that_is_another_function_is_out_of_bounds(bundles, evidence, monkeypatch):
    """Of the denoiser by its distance, of the expert also where only what comes before it is wrong."""
    real = measure.engine_outputs
    monkeypatch.setattr(measure, "engine_outputs", lambda *arguments: 0.5 * real(*arguments))
    target, silent = TARGETS["jetson-fp16"], lambda line: None
    conversion = convert(evidence["denoiser"].model, target, evidence["denoiser"].feeds, silent)
    measured = measure.measure(conversion.files, evidence["denoiser"])
    assert all("log-spectral distance" in text for row in measured.rows for text in row["violations"][-1:])
    monkeypatch.setattr(measure, "engine_outputs", real)
    expert = evidence["expert-transformer"]
    conversion = convert(expert.model, target, expert.feeds, silent)
    noise = np.random.default_rng(0).normal(0, 1, (len(expert.reference), 98, 64, 1)).astype(np.float32)
    rows = measure.measure(conversion.files, expert, {"onnx": noise, "onnx_typed": noise}).rows
    assert all(row["violations"] for row in rows)
    assert all("behind the exported denoiser" in text for row in rows for text in row["violations"])
