"""A recurrent step that came as ONNX, its states named by model.json: the device remembers as it would."""

import json
import shutil

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from export_examples import DEVIATION, MEAN, STREAMED  # noqa: E402
from onnx import helper, numpy_helper  # noqa: E402

from edge.bundle import load_bundle  # noqa: E402
from edge.dsp.frame_features import FrameStream  # noqa: E402
from edge.dsp.log_mel import PARAMETERS  # noqa: E402
from edge.frames import FRAME_HOP  # noqa: E402
from export.networks import onnx_network  # noqa: E402
from export.parity.synthetic_inputs import synthetic_clips  # noqa: E402

UNITS = 12


def step(columns=20):
    """A GRU over the columns of a hop, as PyTorch's exporter writes it: (1, columns, bands), (layers, batch, units)."""
    rng, value = np.random.default_rng(6), helper.make_tensor_value_info
    sizes = {"W": (1, 3 * UNITS, 64), "R": (1, 3 * UNITS, UNITS), "B": (1, 6 * UNITS), "last": (UNITS, 1)}
    weights = {name: rng.normal(0, 0.3, size).astype(np.float32) for name, size in sizes.items()}
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], "turn", perm=[1, 0, 2]),
        helper.make_node("GRU", ["steps", "W", "R", "B", "", "h"], ["all", "hn"], "gru", hidden_size=UNITS,
                         linear_before_reset=1),
        helper.make_node("Squeeze", ["hn", "axis"], ["remembered"], "squeeze"),
        helper.make_node("MatMul", ["remembered", "last"], ["logit"], "answer"),
    ]  # fmt: skip
    given = [value("x", 1, ["batch", columns, 64]), value("h", 1, [1, 1, UNITS])]
    stored = [numpy_helper.from_array(array, name) for name, array in {**weights, "axis": np.array([0])}.items()]
    graph = helper.make_graph(nodes, "step", given, [value("logit", 1, None), value("hn", 1, None)], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory):
    """A folder with the step and its description."""
    folder = tmp_path_factory.mktemp("step")
    onnx.save(step(), folder / "step.onnx")
    (folder / "model.json").write_text(json.dumps({**STREAMED, "states": {"h": "hn"}}))
    return folder


@pytest.mark.parametrize(("target", "near"), [("jetson-fp16", 1e-4), ("rpi-int8", 0.05)])
def test_the_device_says_at_each_hop_what_the_step_says(keras, export, streamed, tmp_path, target, near):
    status, _, stderr = export("--tolerance", "20", target=target, model=streamed)
    assert status == 0, stderr
    detector, network = load_bundle(tmp_path / "out").detector, onnx_network((streamed / "step.onnx").read_bytes())
    stream, state = FrameStream("log_mel", PARAMETERS), np.zeros((1, 1, UNITS), np.float32)
    for hop in synthetic_clips("quantise")[0].samples[: 8 * FRAME_HOP].reshape(-1, FRAME_HOP)[:6]:
        frame = stream.push(hop).copy()
        said = network({"x": ((frame[None, -20:] - MEAN) / DEVIATION).astype(np.float32), "h": state})
        state = said["hn"]
        expected = 1 / (1 + np.exp(-float(said["logit"].item()) / 1.2))
        assert detector.probability(frame) == pytest.approx(expected, abs=near)
    assert "compared with the ONNX model on" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("states", "columns", "line"),
    [
        (None, 20, 'which of them are states, "states": {"INPUT": "OUTPUT", ...}'),
        ({"h": "cn"}, 20, "names the output 'cn', which is none of them"),
        ({"h": "logit"}, 20, "the state h has the shape (1, 1, 12), what follows it, logit, has (1, 1)"),
        ({"h": "hn"}, 10, "a step of it has 20 columns of 64 bands"),
        (["h"], 20, "the names of inputs and outputs are expected"),
    ],
)
def test_states_that_cannot_be_are_named(refusal, streamed, tmp_path, states, columns, line):
    folder = shutil.copytree(streamed, tmp_path / "changed")
    onnx.save(step(columns), folder / "step.onnx")
    (folder / "model.json").write_text(json.dumps({**STREAMED, **({} if states is None else {"states": states})}))
    assert line in refusal(model=folder)
