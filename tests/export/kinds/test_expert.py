"""Experts through edge-export: a step graph per expert, all in one bundle, that says on the device what Keras says."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from expert_examples import FUSION, write_expert
from export_examples import exported

from edge.bundle import load_bundle
from edge.bundle.manifest import read_manifest
from edge.errors import UserError
from export import exporter
from export.convert.files import convert
from export.parity import measure
from export.sources.description import NEVER_SURE
from export.sources.model_set import load_models
from export.targets import FP32, TARGETS
from export.tensorrt_lint import lint

LABELS = {"android": ["belly_pain", "hungry", "tired"], "ios": ["discomfort", "hungry"]}
BUNDLED = ("rpi-int8", "jetson-fp16")
WINDOW = 70  # columns: what is tested does not depend on it


@pytest.fixture(scope="module")
def sources(keras, model_dir, tmp_path_factory):
    """A detector, two small experts of different size and band, and how they are fused."""
    folder = tmp_path_factory.mktemp("sources")
    shutil.copytree(model_dir, folder / "detector")
    write_expert(folder / "android", "android", LABELS["android"], columns=WINDOW)
    write_expert(folder / "ios", "ios", LABELS["ios"], rows=range(0, 273, 17), columns=WINDOW, units=16)
    (folder / "ios" / "LICENSE-weights").write_text("CC0-1.0, of another corpus\n")
    (folder / "fusion.json").write_text(json.dumps(FUSION))
    return folder


@pytest.fixture(scope="module")
def bundles(sources, calibration_dir, tmp_path_factory, work_done_once):
    """A bundle for some targets."""
    return exported(BUNDLED, sources, calibration_dir, tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="module")
def evidence(sources, bundles, calibration_dir):
    """What the first expert is judged on, as it was when the bundles were made."""
    loaded = exporter.load_models(sources)
    return loaded.models[1].kind.evidence(loaded.models[1], loaded.models, calibration_dir)


@pytest.fixture
def sources_copy(sources, tmp_path):
    """The directory, free to be changed."""
    return shutil.copytree(sources, tmp_path / "sources")


def evidence_of(folder):
    from export.sources.loading import load_model

    model = load_model(folder / "model.keras", folder / "model.json")
    return model.kind.evidence(model, [model], folder)


def changed(folder, **changes):
    """Change keys of a model.json."""
    path = folder / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("target", BUNDLED)
def test_the_device_loads_detector_experts_and_fusion(bundles, target):
    bundle = load_bundle(bundles / target)
    assert bundle.decision.thresholds.open_threshold == 0.7
    assert {expert.name: expert.labels for expert in bundle.experts} == LABELS
    assert [(e.temperature, e.band_hz, e.step_columns, e.window_columns) for e in bundle.experts] == [
        (1.7, 4000.0, 14, WINDOW)
    ] * 2
    assert bundle.fusion.method == "all" and bundle.fusion.uncertain.threshold == 0.6
    files = {
        model.title: sorted(file.path for file in model.files.values())
        for model in read_manifest(str(bundles / target)).models
    }
    kinds = {"rpi-int8": ["fp32.onnx", "int8.tflite"], "jetson-fp16": ["fp16.onnx", "fp32.onnx"]}[target]
    assert files["expert ios"] == [f"expert-ios.{kind}" for kind in kinds]
    assert (bundles / target / "LICENSE-weights").read_text() == "CC0-1.0\n"
    assert "another corpus" in (bundles / target / "LICENSE-weights-ios").read_text()


@pytest.mark.parametrize("target", BUNDLED)
def test_the_report_describes_every_model(bundles, target):
    jsonschema = pytest.importorskip("jsonschema")
    report = json.loads((bundles / target / "report.json").read_text())
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schemas" / "export.schema.json").read_text())
    jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
    assert [model["title"] for model in report["models"]] == ["detector", "expert-android", "expert-ios"]
    for model in report["models"][1:]:
        assert model["multiply_adds_per_hop"] == pytest.approx(model["multiply_adds"] * 0.2 / 0.21, abs=1)
        assert model["operators"]["Conv"] == 3
    files = [file for file in report["files"] if file["model"] == "expert-android"]
    assert len(files) == 2 and all(file["latency_ms"] > 0 and file["parity"]["auc"] is None for file in files)
    assert files[0]["worst"][0]["label"] in LABELS["android"]
    made_up = next(note for note in report["notes"] if note.startswith("Experts: "))
    assert "synthetic sounds" in made_up and "no task metric" in made_up
    page = (bundles / target / "report.html").read_text()
    assert "expert-android: belly_pain, hungry, tired" in page and made_up[:80] in page


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_takes_an_expert(evidence, target):
    """Each file in its engine, its states carried by itself over hundreds of steps, within the target's bounds."""
    conversion = convert(evidence.model, TARGETS[target], evidence.feeds, lambda line: None)
    rows = measure.measure(conversion.files, evidence).rows
    assert all(row["violations"] == [] for row in rows)
    for item, row in zip(conversion.files, rows, strict=True):
        if item.file.kind.startswith("onnx"):
            assert lint(item.content, tensorrt="8.2") == []
        if item.file.precision == "fp32":
            assert row["parity"]["max_logit_error"] <= 1e-4
    assert len(evidence.reference) > 300


def test_quantised_states_are_float_and_do_not_drift(keras, evidence, tmp_path):
    """What is in the ring only moves: an int8 code that has been through the engine comes out the same every time."""
    from edge.engines import open_engine
    from export.convert.keras_to_tflite import keras_to_tflite
    from export.networks import engine_network, run, state_shapes

    path = tmp_path / "int8.tflite"
    path.write_bytes(keras_to_tflite(evidence.model.fixed, "int8", evidence.feeds))
    states = state_shapes(evidence.model.fixed)
    network = engine_network(open_engine({"tflite": str(path)}))
    n_steps = 0
    for feed, outputs in run(network, [evidence.streams[-1]], states):
        n_steps += 1
        if n_steps > 1:
            np.testing.assert_array_equal(outputs["new_state_window"][:, :-14], feed["state_window"][:, 14:])
    assert n_steps > 200


def test_lite_expert_fits_the_budget_of_a_board(keras, tmp_path):
    """The size that ships: 129 rows, 128 units."""
    write_expert(tmp_path, "lite", ["belly_pain", "discomfort", "hungry", "tired"], "lite", range(129))
    evidence = evidence_of(tmp_path)
    conversion = convert(evidence.model, TARGETS["rpi-int8"], evidence.feeds, lambda line: None)
    rows = measure.measure(conversion.files, evidence).rows
    assert [row["violations"] for row in rows] == [[], []] and rows[0]["bytes"] < 200_000
    from export.report.cost import onnx_cost

    assert onnx_cost(conversion.fp32_onnx).multiply_adds < 20e6


def test_what_is_over_budget_is_said():
    from export.exporter import warn_of_budgets

    report = {
        "models": [{"title": "expert-a", "role": "expert", "multiply_adds_per_hop": 60_000_001}],
        "files": [{"path": "expert-a.int8.tflite", "model": "expert-a", "over_budget_bytes": 7}],
        "warnings": [],
    }
    warn_of_budgets(report)
    assert report["warnings"] == [
        "expert-a is 1 multiply-adds a hop over the budget of its role",
        "expert-a.int8.tflite is 7 bytes over the budget of its role, expert",
    ]


def test_device_that_normalises_otherwise(bundles, evidence, monkeypatch):
    """The device's own code is run on raw fused columns before the bundle is written."""
    from edge.bundle import expert

    bundle = load_bundle(bundles / "jetson-fp16")
    evidence.check_on_device(bundle, FP32)
    monkeypatch.setattr(expert, "standardise", lambda columns, mean, deviation, out: np.subtract(columns, mean, out))
    with pytest.raises(UserError, match="expert android in the bundle does not say on the device"):
        evidence.check_on_device(bundle, FP32)


def test_file_whose_labels_are_swapped(keras, evidence, monkeypatch):
    real = measure.engine_outputs
    monkeypatch.setattr(measure, "engine_outputs", lambda *arguments: real(*arguments)[:, ::-1])
    conversion = convert(evidence.model, TARGETS["jetson-fp16"], evidence.feeds, lambda line: None)
    rows = measure.measure(conversion.files, evidence).rows
    assert any("label agreement" in text for row in rows for text in row["violations"])


def test_without_fusion_json_no_cause_is_named(sources_copy):
    (sources_copy / "fusion.json").unlink()
    loaded = load_models(sources_copy)
    assert loaded.fusion == NEVER_SURE and "never names a cause" in loaded.warnings[0]


def test_an_expert_alone_comes_with_the_detector_that_ships(export, sources):
    from export.parity.calibration import DEFAULT_CALIBRATION_DIR

    status, stdout, stderr = export(
        "--dry-run", "--json", model=sources / "android", calibration=DEFAULT_CALIBRATION_DIR
    )
    assert status == 0 and "the one that ships goes into the bundle" in stderr and "never names a cause" in stderr
    report = json.loads(stdout)
    assert [model["title"] for model in report["models"]] == ["detector", "expert-android"]
    assert report["fusion"] == NEVER_SURE


def test_models_may_be_pairs_of_files(sources_copy):
    for name in ("android", "ios"):
        for ending in ("keras", "json"):
            shutil.move(sources_copy / name / f"model.{ending}", sources_copy / f"{name}.{ending}")
    assert sorted(model.title for model in load_models(sources_copy).models) == [
        "detector",
        "expert-android",
        "expert-ios",
    ]


@pytest.mark.parametrize(
    "changes, text",
    [
        ({"name": "ios"}, "each expert needs a name of its own"),
        ({"name": "a/b"}, "letters, digits"),
        ({"labels": ["a", "b", "c"]}, "share"),
        ({"labels": ["hungry", "tired"]}, "one logit per label is needed"),
        ({"temperature": None}, "temperature is None"),
        ({"step": {"columns": 14, "window_columns": 71}}, "takes an input of shape"),
        ({"feature": {"name": "mfcc", "parameters": {}}}, "this version knows fused, log_mel"),
        ({"role": "oracle"}, "detector, verifier, denoiser, expert"),
    ],
)
def test_experts_that_cannot_be_are_refused(refusal, sources_copy, changes, text):
    changed(sources_copy / "android", **changes)
    assert text in refusal("--dry-run", model=sources_copy)


@pytest.mark.parametrize(
    "content, text",
    [("{", "is not valid JSON"), ('{"method": "guess"}', "fusion.method is 'guess'"), ("null", "fusion is None")],
)
def test_fusion_that_cannot_be_is_refused(refusal, sources_copy, content, text):
    (sources_copy / "fusion.json").write_text(content)
    assert text in refusal("--dry-run", model=sources_copy)


def test_head_that_looks_at_its_whole_window_is_refused(keras, refusal, sources_copy):
    write_expert(
        sources_copy / "ios",
        "ios",
        LABELS["ios"],
        head="transformer",
        attention_heads=2,
        feed_forward=8,
        units=8,
        columns=WINDOW,
    )
    changed(sources_copy / "ios", layers=["training.layers.positions"])
    assert "looks at its whole window" in refusal("--dry-run", model=sources_copy)


def test_two_detectors_are_refused(refusal, sources_copy):
    shutil.copytree(sources_copy / "detector", sources_copy / "another")
    assert "holds 2 detectors" in refusal("--dry-run", model=sources_copy)


def test_expert_with_weights_that_are_nan(keras, sources_copy):
    path = sources_copy / "ios" / "model.keras"
    model = keras.saving.load_model(path)
    layer = model.get_layer("cause")
    layer.set_weights([np.nan * weight for weight in layer.get_weights()])
    model.save(path)
    with pytest.raises(UserError, match="NaN"):
        evidence_of(sources_copy / "ios")
