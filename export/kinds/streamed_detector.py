"""A recurrent detector as a streamed step: the columns of a hop and what it remembers in, logits and the same out."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.bundle import Bundle
from edge.bundle.fields import Fields
from edge.bundle.model import Step, read_feature
from edge.bundle.own_features import read_cry_labels, read_streamed
from edge.dsp.frame_features import FrameStream
from edge.errors import UserError
from edge.frames import FRAME_HOP
from export.convert.rewrites.recurrent import several_steps
from export.kinds.detector import CryComparison, Detector
from export.model import SourceModel
from export.networks import INPUT_NAME, Network, Stream, answers, keras_network, run, state_shapes
from export.onnx_model import OnnxModel
from export.parity.comparison import LogitComparison, Task, keras_outputs
from export.parity.double_precision import double_answers
from export.parity.evidence import Evidence
from export.parity.not_finite import check_finite
from export.parity.own_frames import CRY, Recordings, Sound, own_inputs, sounds_of
from export.targets import Bounds

STEP_LOGIT_ERROR = 1e-3  # of the steps against the saved model, over max(1, max |logit|)
PARTS = ("quantise", "parity")
NOTE = (
    "The detector remembers: it is compared hop by hop, each sound from its beginning. Its temperature is the model's, "
    "1 unless it says one."
)


class StreamedDetector(Detector):
    """Layers in one line on (steps, features), recurrent ones among them."""

    is_streamed = True
    optional_keys = (*Detector.optional_keys, "step")
    unread_keys = (*Detector.unread_keys, "states")  # of an ONNX or PyTorch step: its inputs and their outputs

    def check(self, fields: Fields) -> None:
        """Raise UserError, naming the key, unless a description can be exported."""
        super().check(fields)
        read_streamed(fields, read_feature(fields.object("feature"), self.role), Step)
        states = fields.content.get("states", {"": ""})
        if not isinstance(states, dict) or not states or not all(isinstance(name, str) for name in states.values()):
            raise fields.problem("states", states, 'the names of inputs and outputs are expected, {"h": "new_h"}')

    def fed_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """The columns of a hop."""
        return description["step"]["columns"], Detector.input_shape(self, description)[1], 1

    def input_shape(self, description: Mapping[str, Any]) -> tuple[int, ...]:
        """A sequence, as it was trained."""
        return super().input_shape(description)[:2]

    def graph(self, trained: Any, description: Mapping[str, Any]) -> Any:
        """One hop's columns."""
        return several_steps(trained, description["step"]["columns"], (INPUT_NAME, self.output_name))

    def evidence(self, model: SourceModel, models: Sequence[SourceModel], calibration: Path | Recordings) -> Evidence:
        """Sounds from their beginning, hop by hop; synthetic ones unless there are recordings."""
        recordings = calibration if isinstance(calibration, Recordings) else None
        sounds, note = sounds_of(PARTS, recordings)
        model = model if model.temperature is not None else model.with_temperature(1.0)
        described = model.description
        frames = {part: [list(hops(described, sound)) for sound in sounds[part]] for part in PARTS}
        streams = {part: [steps(described, each) for each in frames[part]] for part in PARTS}
        states, network = state_shapes(model.fixed), reference_network(model)
        check_steps(model, streams["parity"][0])
        heard = [sound for sound, each in zip(sounds["parity"], streams["parity"], strict=True) for _ in each]
        known = [sound.is_cry for sound in heard]
        origins = [sound.origin for sound in heard]
        groups = [origin.group for origin in origins]
        threshold = described["decision"]["open_threshold"]
        task = None if None in known else Task(np.array(known, bool), groups, threshold)
        labels = read_cry_labels(Fields(described, str(model.directory)), described["labels"])
        names = [CRY] if labels else described["labels"]
        judged: Any = LogitComparison(names, model.temperature, task, origins)
        return Evidence(
            model=model,
            feeds=[feed for feed, _ in run(network, streams["quantise"], states)],
            streams=streams["parity"],
            reference=answers(network, streams["parity"], states),
            comparison=CryComparison(judged, labels) if labels else judged,
            raw=frames["parity"],
            about={
                "calibration": {
                    part: {"frames": sum(map(len, streams[part])), "groups": len(streams[part])} for part in PARTS
                },
                "temperature": {"value": model.temperature, "fitted": False, "ece_before": None, "ece_after": None},
                "open_threshold": threshold,
            },
            notes=[note, NOTE],
            double=cache(lambda: double_answers(reference_model(model), streams["parity"], states)),
        )

    def check_on_device(self, bundle: Bundle, evidence: Evidence, bounds: Bounds) -> None:
        """From frames to logits: the device takes the new columns, normalises and carries the states by itself."""
        detector: Any = bundle.detector
        given = []
        for frames in evidence.raw:
            detector.forget()
            for frame in frames:
                detector.look_at(frame)
                given.append(detector.output[0].copy())
        detector.forget()
        found = evidence.comparison.violations(
            evidence.comparison.compare(evidence.reference, np.array(given)).parity, bounds
        )
        if found:
            raise UserError(
                f"the bundle does not say on the device what the model says, no bundle written: {', '.join(found)}"
            )


def hops(described: Mapping[str, Any], sound: Sound) -> Iterator[np.ndarray]:
    """The frame (columns, bands) after each whole hop of a sound but the first, whose first column is not whole."""
    feature = described["feature"]
    stream = FrameStream(feature["name"], feature["parameters"], feature.get("band_hz"))
    for number in range(len(sound.samples) // FRAME_HOP):
        frame = stream.push(sound.samples[number * FRAME_HOP : (number + 1) * FRAME_HOP])
        if number:
            yield frame.copy()


def steps(described: Mapping[str, Any], frames: list[np.ndarray]) -> Stream:
    """The new columns of each hop as the network takes them."""
    newest = np.array([frame[-described["step"]["columns"] :] for frame in frames])
    return [{INPUT_NAME: x[None]} for x in own_inputs(newest, described)]


def reference_network(model: SourceModel) -> Network:
    """One step of it."""
    step = reference_model(model)
    return step.network() if isinstance(step, OnnxModel) else keras_network(step)


def reference_model(model: SourceModel) -> Any:
    """The step as it came; of a Keras model, which is of whole sequences, the step that was made of it."""
    return model.trained if isinstance(model.trained, OnnxModel) else model.fixed


def check_steps(model: SourceModel, stream: Stream) -> None:
    """Raise UserError unless the steps say of a sequence what the saved model says of it at once.

    One that came as a step has nothing to be compared with but its own numbers.
    """
    if isinstance(model.trained, OnnxModel):
        check_finite(model, answers(reference_network(model), [stream], state_shapes(model.fixed)), "logits")
        return
    per_step, length = model.description["step"]["columns"], model.trained.inputs[0].shape[1]
    n_steps = len(stream) if length is None else length // per_step
    if length is not None and length % per_step:
        return  # a saved sequence that is not whole hops cannot be compared
    columns = np.concatenate([step[INPUT_NAME][0, :, :, 0] for step in stream[:n_steps]])
    expected = keras_outputs(model.trained, columns[None])
    check_finite(model, expected, "logits", columns[None])
    got = answers(keras_network(model.fixed), [stream[:n_steps]], state_shapes(model.fixed))[-1:]
    error = np.abs(got - expected).max() / max(1.0, np.abs(expected).max())
    if not error <= STEP_LOGIT_ERROR:
        raise UserError(
            f"{model.directory}: streamed, the model says something else than on a whole sequence (logit error "
            f"{error:.2g}): give the last recurrent layer return_sequences=False"
        )
