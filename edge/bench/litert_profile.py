"""What each operator of a .tflite file takes, by LiteRT's own profiler; see litert_native.py.

XNNPACK, which runs most operators, names its kernels and not the layers: those are found in the file, whose operators
come in the same order. Its durations are whole microseconds, cut off: half of one is added to each.
"""

import json
import os
import subprocess
import sys

import numpy as np

from edge.bench.operators import Profile, table_of
from edge.engines.base import EngineUnavailable, not_importable, one_line, quiet_stderr, version_of
from edge.errors import UserError

NATIVE = "edge.bench.litert_native"
PATIENCE_S = 600.0
OPERATOR, DELEGATED = 2, 8  # kinds of event: an operator of LiteRT itself, one within a delegate
WHOLE = ("LiteRT::Run[buffer registration]", "Invoke", "LiteRT::Run[Buffer sync]")  # what an inference consists of
DEFAULT = 1  # kind of those
CUT_OFF_US = 0.5
# What of a file's operators a kernel of XNNPACK is; what is not here it adds of its own (copies, conversions).
KERNELS = (
    ("DWConv", ("DEPTHWISE_CONV_2D",)),
    ("Convolution", ("CONV_2D", "FULLY_CONNECTED")),
    ("Deconvolution", ("TRANSPOSE_CONV",)),
    ("Fully Connected", ("CONV_2D", "FULLY_CONNECTED")),
    ("Batch Matrix Multiply", ("BATCH_MATMUL",)),
    ("Max Pooling", ("MAX_POOL_2D",)),
    ("Average Pooling", ("AVERAGE_POOL_2D",)),
    ("Mean", ("MEAN",)),
    ("Softmax", ("SOFTMAX",)),
    ("Sigmoid", ("LOGISTIC",)),
    ("TanH", ("TANH",)),
    ("Constant Pad", ("PAD",)),
    ("Add (ND", ("ADD",)),
    ("Multiply (ND", ("MUL",)),
    ("Subtract (ND", ("SUB",)),
    ("Squared Difference", ("SQUARED_DIFFERENCE",)),
    ("Reciprocal Square Root", ("RSQRT",)),
)
WITH_WEIGHTS = ("conv", "depthwise", "matmul", "tensordot")  # of the names of what TensorFlow computes
_EDGE_S_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def profile_litert(path, threads, warm_up, runs):
    """The Profile of a file over `runs` inferences. Raises UserError."""
    try:
        with quiet_stderr():
            import ai_edge_litert
    except ImportError as error:
        why = not_importable(error, "ai_edge_litert")
        raise UserError(
            "ai-edge-litert is {}: its profiler is needed, pip install ai-edge-litert".format(why)
        ) from error
    version = version_of(ai_edge_litert)
    profiled = in_another_process(path, version, threads, warm_up, runs)
    first = operators_of_run(profiled["events"][0])
    layers = layers_of(file_operators(path), [(tag, kind, index) for tag, kind, _, _, index, _ in first])
    durations = [[] for _ in first]
    for events in profiled["events"]:
        for place, event in zip(durations, operators_of_run(events)):
            place.append(duration_us(event))
    rows = [(layer, event[0], place) for layer, event, place in zip(layers, first, durations)]
    operators = table_of(rows)
    return Profile(
        "ai-edge-litert " + version,
        operators,
        sum(one.mean_us for one in operators),
        float(np.median(profiled["plain_us"])),
        trace_of(profiled["events"], layers),
        "kernels of XNNPACK are timed in whole microseconds",
    )


def in_another_process(path, version, threads, warm_up, runs):
    """What litert_native.py prints. Raises UserError when it does not come to its end."""
    paths = os.pathsep.join(filter(None, [_EDGE_S_PARENT, os.environ.get("PYTHONPATH")]))
    arguments = [os.path.abspath(path)] + [str(one) for one in (threads, warm_up, runs)]
    child = subprocess.Popen(
        [sys.executable, "-m", NATIVE] + arguments,
        env=dict(os.environ, PYTHONPATH=paths),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = child.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        out, err = b"", b"it took longer than %d s" % PATIENCE_S
    finally:
        child.kill()
        child.wait()
    if child.returncode == 0:
        return json.loads(out.decode())
    lines = err.decode("utf-8", "replace").strip().splitlines() or ["it says nothing"]
    how = "signal {}".format(-child.returncode) if child.returncode < 0 else lines[-1]
    raise UserError(
        "the profiler of ai-edge-litert {} cannot profile {} ({}): leave out --operators, or profile the .onnx file of "
        "the same model".format(version, path, how)
    )


def operators_of_run(events):
    """The events of a run that are operators."""
    return [event for event in events if event[1] in (OPERATOR, DELEGATED)]


def duration_us(event):
    """Of one event."""
    return event[3] + (CUT_OFF_US if event[1] == DELEGATED else 0.0)


def file_operators(path):
    """[(operator, layer)] of a .tflite file: what it says itself, without delegates. Raises UserError."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    try:
        with quiet_stderr():
            interpreter = Interpreter(
                model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            )
            names = {details["index"]: details["name"] for details in interpreter.get_tensor_details()}
            rows = interpreter._get_ops_details()  # there is no public way to ask for them
    except (EngineUnavailable, ValueError, RuntimeError) as error:
        raise UserError("LiteRT cannot open {} ({}): export it again".format(path, one_line(error))) from error
    return [(row["op_name"], names.get(row["outputs"][0], "") if len(row["outputs"]) else "") for row in rows]


def layers_of(written, ran):
    """The layer of each operator that ran. written: [(operator, layer)] of the file; ran: [(tag, kind, index)].

    LiteRT's own operators have their number in the file. Of the kernels within a delegate, those of a kind come in the
    order of the file; where there are more or fewer of a kind than in the file, none of them is named.
    """
    direct = {index for _, kind, index in ran if kind == OPERATOR}
    rest = [row for index, row in enumerate(written) if index not in direct]
    layers = [
        layer_name(written[index][1]) if kind == OPERATOR and index < len(written) else "" for _, kind, index in ran
    ]
    for operators in sorted({operators for _, operators in KERNELS}):
        places = [
            n for n, (tag, kind, _) in enumerate(ran) if kind == DELEGATED and operators_of_kernel(tag) == operators
        ]
        names = [layer_name(layer) for operator, layer in rest if operator in operators]
        if len(places) == len(names):
            for place, name in zip(places, names):
                layers[place] = name
    return without_common_models(layers)


def operators_of_kernel(tag):
    """What operators of a file a kernel of XNNPACK may be."""
    return next((operators for text, operators in KERNELS if text in tag), ())


def layer_name(tensor):
    """The layer that gives a tensor. Of those that were fused into it, the one that multiplies by weights."""
    paths = [path.rpartition("/") for path in tensor.split(";") if "/" in path]
    if not paths:
        return tensor
    weighty = [layer for layer, _, leaf in paths if any(word in leaf.lower() for word in WITH_WEIGHTS)]
    return (weighty or [layer for layer, _, _ in paths])[0]


def without_common_models(layers):
    """The names of layers without the models that all of them are in."""
    split = [layer.split("/") for layer in layers if "/" in layer]
    common = len(os.path.commonprefix([parts[:-1] for parts in split])) if split else 0
    return ["/".join(layer.split("/")[common:]) if "/" in layer else layer for layer in layers]


def trace_of(runs, layers):
    """A Chrome trace of all runs; kernels within a delegate, which have no start, lie one behind the other."""
    trace = []
    for number, events in enumerate(runs):
        names = iter(layers)
        now = 0
        for event in events:
            tag, kind, start, elapsed, index, _ = event
            if kind not in (OPERATOR, DELEGATED) and not (kind == DEFAULT and tag in WHOLE):
                continue
            is_operator = kind in (OPERATOR, DELEGATED)
            now = start or now
            arguments = {"op_name": tag, "run": number}
            trace.append(
                {
                    "ph": "X",
                    "cat": "Node" if is_operator else "Session",
                    "name": (next(names) or tag) if is_operator else tag,
                    "ts": now,
                    "dur": elapsed,
                    "pid": 0,
                    "tid": 0,
                    "args": arguments,
                }
            )
            now += elapsed if is_operator else 0
    return trace
